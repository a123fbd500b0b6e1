//! YAML is the user's; they get the lines.

use super::*;

const YAML: &str = "# mine\nservers:\n  a: {command: x}\n";

/// The instruction, then the lines.
fn told(change: &Change, omlx: Readers) -> String {
    let mut place = Place::of("mcp.yaml", YAML);
    place.file.readers = omlx;
    let error = place.file.edit(change).expect_err("left to the user");
    assert_eq!(place.text(), YAML);
    let lines = match &error {
        EditError::ByHand(by_hand) => by_hand.lines.clone(),
        _ => String::new(),
    };
    format!("{}\n{lines}", place.told(&error))
}

#[test]
fn the_exact_lines_are_told() {
    let mut server = notion();
    server.auth = client("c");
    let add = Change::Add(id("notion"), Box::new(server));
    insta::assert_snapshot!(told(&add, Readers::OnlyUs), @r#"
    config_by_hand: …/mcp.yaml is YAML, which is left to you, so that its comments survive: put under 'servers'
      notion:
        transport: streamable-http
        url: https://mcp.notion.com/mcp
        auth:
          client_id: c
    "#);
    insta::assert_snapshot!(told(&add, Readers::OmlxToo), @r#"
    config_by_hand: …/mcp.yaml is YAML, which is left to you, so that its comments survive: put under 'servers', and under 'auth' at the root
      notion:
        transport: streamable-http
        url: https://mcp.notion.com/mcp
    auth:
      notion:
        client_id: c
    "#);
    insta::assert_snapshot!(told(&Change::Disable(id("a")), Readers::OnlyUs), @r#"
    config_by_hand: …/mcp.yaml is YAML, which is left to you, so that its comments survive: put into 'a'
        enabled: false
    "#);
    insta::assert_snapshot!(told(&Change::Remove(id("a")), Readers::OnlyUs), @"config_by_hand: …/mcp.yaml is YAML, which is left to you, so that its comments survive: take out 'a' under 'servers', and under 'auth'");
    insta::assert_snapshot!(told(&Change::SetAuth(id("a"), client("c")), Readers::OnlyUs), @r#"
    config_by_hand: …/mcp.yaml is YAML, which is left to you, so that its comments survive: put at the root
    auth:
      a:
        client_id: c
    "#);
}

#[test]
fn a_change_that_makes_no_sense_is_refused_before_any_line_is_told() {
    insta::assert_snapshot!(told(&Change::Enable(id("b")), Readers::OnlyUs), @"unknown_server: there is no server 'b' in the config file");
    insta::assert_snapshot!(told(&Change::Add(id("a"), Box::new(files())), Readers::OnlyUs), @"server_exists: there is a server 'a' already; choose another name");
}

#[test]
fn the_lines_make_the_config_they_promise() {
    let add = Change::Add(id("files"), Box::new(files()));
    let place = Place::of("mcp.yaml", YAML);
    let Err(EditError::ByHand(by_hand)) = place.file.edit(&add) else {
        panic!("left to the user");
    };
    fs::write(place.file.path(), format!("{YAML}{}", by_hand.lines)).expect("written");
    let config = place.file.read().expect("read");
    assert_eq!(config.servers.len(), 2);
    assert_eq!(config.notes, []);
}

#[test]
fn a_yaml_file_without_a_text_is_written() {
    let place = Place::empty("mcp.yaml");
    let mut server = notion();
    server.auth = client("c");
    place.file.add(&id("notion"), server).expect("added");
    let config = place.file.read().expect("read");
    assert_eq!(config.servers[0].auth.client_id.as_deref(), Some("c"));
    assert!(matches!(
        Place::empty("x.yml").file.remove(&id("a")),
        Err(EditError::NoSuchServer { .. })
    ));
}
