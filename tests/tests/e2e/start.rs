//! The app starts, shows itself in the tray, opens and closes its panel, and ends when told to.

use std::net::{TcpListener, TcpStream};

use omlx_demo::DemoOptions;
use omlx_tests::{
    TestResult,
    desktop::{scene, shows_pages},
};

use crate::with_demo;

#[tokio::test]
async fn the_tray_tells_each_server_and_quit_ends_everything() -> TestResult {
    scene("start", async |desktop| {
        let _demo = with_demo(desktop, DemoOptions::default()).await?;
        desktop.start().await?;
        desktop.menu_line(&["demo", "Not authenticated"]).await?;
        let menu = desktop.menu().await?;
        for line in ["Connect demo…", "Settings…", "Pause", "Launch at Login"] {
            assert!(menu.iter().any(|label| label == line), "no {line:?} in {menu:#?}");
        }
        assert_eq!(desktop.helpers(), [], "a tray alone needs no other process");
        desktop.click("Quit oMLX Connect").await?;
        assert!(desktop.ended().await?.success());
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_panel_opens_from_the_tray_and_leaves_no_webview_when_it_is_closed() -> TestResult {
    scene("panel", async |desktop| {
        let _demo = with_demo(desktop, DemoOptions::default()).await?;
        desktop.start().await?;
        for _ in 0..2 {
            let panel = desktop.open_panel_at("demo").await?;
            panel.page.find("heading", "demo").await?;
            panel.until_says("Not authenticated").await?;
            panel.page.find("button", "Connect").await?;
            assert!(desktop.helpers().iter().any(shows_pages));
            desktop.close_panel().await?;
        }
        let panel = desktop.open_panel().await?;
        panel.page.find("heading", "Settings").await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_second_instance_brings_the_panel_of_the_first_one_and_ends() -> TestResult {
    scene("second-instance", async |desktop| {
        let _demo = with_demo(desktop, DemoOptions::default()).await?;
        desktop.start().await?;
        assert!(desktop.start_again(&[]).await?.success());
        desktop.panel().await?.until_says("Not authenticated").await?;
        assert_eq!(desktop.icons(), 1);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_gateway_listens_where_the_settings_say_and_says_when_it_cannot() -> TestResult {
    scene("gateway-port", async |desktop| {
        let _demo = with_demo(desktop, DemoOptions::default()).await?;
        desktop.start().await?;
        let panel = desktop.open_panel().await?;
        let choose = async |port: u16| {
            let field = panel.page.find("spinbutton", "Gateway port").await?;
            field.clear().await?;
            field.type_in(&format!("{port}\u{E007}")).await
        };
        let (taken, free) = (
            TcpListener::bind("127.0.0.1:0")?,
            TcpListener::bind("127.0.0.1:0")?,
        );
        choose(taken.local_addr()?.port()).await?;
        panel
            .until_says(&format!("Port {} is in use", taken.local_addr()?.port()))
            .await?;
        let address = free.local_addr()?;
        drop(free);
        choose(address.port()).await?;
        panel.until_says(&format!("http://{address}")).await?;
        assert!(TcpStream::connect(address).is_ok(), "nobody listens at {address}");
        Ok(())
    })
    .await
}
