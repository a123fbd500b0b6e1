const [role, name] = arguments;
const native = {
  button: "button, summary",
  heading: "h1, h2, h3",
  link: "a[href]",
  radio: "input[type=radio]",
  switch: "input[role=switch]",
  textbox: "input:not([type]), input[type=text], input[type=url], input[type=search], input[type=password], textarea",
};
const said = (element) => {
  const labels = (element.getAttribute("aria-labelledby") ?? "").split(/\s+/).filter(Boolean);
  const by = labels.map((id) => document.getElementById(id)?.innerText ?? "").join(" ");
  const label = [...(element.labels ?? [])].map((one) => one.innerText).join(" ");
  return (by || element.getAttribute("aria-label") || label || element.innerText || element.title || "").replace(/\s+/g, " ").trim();
};
const candidates = document.querySelectorAll([`[role=${role}]`, native[role]].filter(Boolean).join(", "));
const seen = [...candidates].filter((one) => one.getClientRects().length > 0 && !one.disabled);
return seen.find((one) => said(one) === name) ?? seen.find((one) => said(one).startsWith(name)) ?? null;
