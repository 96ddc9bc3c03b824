// Hands the address of this page to the panels of its origin. A panel passes it to its kernel, and the login whose state
// fits says so. Only then does the query leave the address bar: otherwise the user needs it, to paste it.
const from = Array.from(crypto.getRandomValues(new Uint32Array(4))).join("-");
const sections = [...document.querySelectorAll("section")];
const show = (outcome) => {
  for (const section of sections) section.hidden = section.dataset.outcome !== outcome;
};
const channel = new BroadcastChannel("cognito-jupyter");
channel.onmessage = ({ data }) => {
  if (data?.to !== from || !sections.some((section) => section.dataset.outcome === data.outcome)) return;
  channel.close();
  clearTimeout(timeout);
  show(data.outcome);
  if (data.outcome === "accepted") history.replaceState(null, "", location.pathname);
};
const timeout = setTimeout(show, 3000, "paste"); // a kernel that is busy may still take it later
show("wait");
channel.postMessage({ relayed: location.href, from });
