const [role, name] = arguments;
const native = {
  button: "button, summary",
  heading: "h1, h2, h3",
  link: "a[href]",
  radio: "input[type=radio]",
  spinbutton: "input[type=number]",
  switch: "input[role=switch]",
  textbox: "input:not([type]), input[type=text], input[type=url], input[type=search], input[type=password], textarea",
};
const plain = (text) => (text ?? "").replace(/\s+/g, " ").trim();
/* What is hidden from a screen reader is no part of a name. */
const read = (node) => {
  if (node.nodeType === Node.TEXT_NODE) return node.data;
  if (node.nodeType !== Node.ELEMENT_NODE || node.getAttribute("aria-hidden") === "true") return "";
  return [...node.childNodes].map(read).join(" ");
};
const said = (element) => {
  const labels = (element.getAttribute("aria-labelledby") ?? "").split(/\s+/).filter(Boolean);
  const by = labels.map((id) => plain(document.getElementById(id)?.innerText)).join(" ");
  const label = [...(element.labels ?? [])].map((one) => plain(one.innerText)).join(" ");
  return by || plain(element.getAttribute("aria-label")) || label || plain(read(element)) || plain(element.title);
};
const candidates = document.querySelectorAll([`[role=${role}]`, native[role]].filter(Boolean).join(", "));
const seen = [...candidates].filter((one) => one.getClientRects().length > 0 && !one.disabled);
return seen.find((one) => said(one) === name) ?? seen.find((one) => said(one).startsWith(name)) ?? null;
