// Draws the panel's view. What it shows comes from the kernel in messages and is in no widget's state, because a
// notebook can be saved with that state. The paste box is emptied here, before anything else happens, so that a save
// finds nothing in it even while the kernel is busy with another cell.

const REPLY_TIMEOUT = 2500; // milliseconds without a message from the kernel, after which there is none
const MAX_URL = 65536; // characters
// Hides the buttons beside a view that no kernel has replied to, as they may come from a saved file; only those.
const HIDE_BUTTONS = ".cognito-view[data-no-kernel] ~ * { display: none !important }";

function render({ model, el }) {
  el.classList.add("cognito-view");
  el.innerHTML =
    `<style>${HIDE_BUTTONS}</style><style></style>` +
    '<div class="head" role="status" aria-live="polite"></div><div class="body"></div>';
  const [, style, head, body] = el.children;
  const shown = { style: "", head: "", body: "" };
  el.dataset.noKernel = ""; // until the kernel replies
  let clockOffset = 0;
  const expired = new Set();

  const setHtml = (node, name, html) => {
    if (shown[name] === html) return; // so that the cursor stays in the paste box
    shown[name] = html;
    node.innerHTML = html;
  };

  // A page of this origin that received the redirect in place of the kernel hands its address over (handover.js). Every
  // panel passes it on; the kernel responds only if the state in it is that of its own login.
  const relayChannel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel("cognito-jupyter");
  const onRelayed = ({ data }) => {
    if (typeof data?.relayed === "string" && data.relayed.length < MAX_URL) {
      model.send({ relayed: data.relayed, from: String(data.from).slice(0, 100) });
    }
  };
  relayChannel?.addEventListener("message", onRelayed);

  const onMessage = (content) => {
    if (content.outcome) {
      relayChannel?.postMessage({ outcome: content.outcome, to: content.to });
      return;
    }
    clearTimeout(replyTimeout);
    if (isKernelGone(model)) return;
    delete el.dataset.noKernel;
    el.closest(".cognito-panel")?.addEventListener("focusin", keepKeys); // adding it again has no effect
    clockOffset = Date.now() - content.now;
    setHtml(style, "style", content.style);
    setHtml(head, "head", content.head);
    setHtml(body, "body", content.body);
    updateCountdowns();
  };

  const sendPasted = (input) => {
    const text = input.value;
    input.value = "";
    if (text) model.send({ pasted: text });
  };

  body.addEventListener("input", (event) => {
    // Several characters at once are a paste; a user who types them one by one ends with Enter.
    if (!event.isComposing && !/^delete/.test(event.inputType || "") && (event.data || "  ").length > 1) {
      sendPasted(event.target);
    }
  });
  body.addEventListener("paste", (event) => {
    // Beside the box too, which may be closed: after a click on the link the focus stays on the link.
    const input = body.querySelector("input");
    if (!input || event.target === input) return; // the box receives it by itself
    event.preventDefault();
    event.stopPropagation();
    const text = event.clipboardData?.getData("text/plain");
    if (text) model.send({ pasted: text });
  });
  body.addEventListener("keydown", (event) => {
    // JupyterLab's own keys, such as x for cutting a cell, must not act while the user types here.
    event.stopPropagation();
    if (event.key === "Enter" && event.target.matches("input")) sendPasted(event.target);
  });

  body.addEventListener("click", (event) => {
    // A user who comes back from the sign-in page with an address to paste finds the cursor in the box.
    if (event.target.closest("a.go")) body.querySelector("input")?.focus({ preventScroll: true });
  });

  const onToggle = (event) => {
    if (event.target.open) event.target.querySelector("input")?.focus({ preventScroll: true });
  };
  body.addEventListener("toggle", onToggle, true); // "toggle" does not bubble

  const updateCountdowns = () => {
    if (isKernelGone(model)) {
      clearInterval(timer);
      showPlaceholder();
      return;
    }
    for (const node of el.querySelectorAll("[data-until]")) {
      const left = Math.max(0, (Number(node.dataset.until) + clockOffset - Date.now()) / 1000);
      const part = Math.min(1, left / Number(node.dataset.total));
      if (node.firstElementChild) {
        node.firstElementChild.style.transform = `scaleX(${part})`;
        node.setAttribute("aria-valuenow", String(Math.round(part * 100)));
      } else {
        node.textContent = durationInWords(left);
      }
      if (left === 0 && !expired.has(node.dataset.until)) {
        expired.add(node.dataset.until);
        model.send({ seen: true }); // requests the current content
      }
    }
  };

  const showPlaceholder = () => {
    el.dataset.noKernel = "";
    setHtml(body, "body", "");
    shown.head = head.textContent = model.get("placeholder");
  };
  const replyTimeout = setTimeout(showPlaceholder, REPLY_TIMEOUT);
  const timer = setInterval(updateCountdowns, 1000);
  model.on("msg:custom", onMessage);
  model.send({ seen: true });
  return () => {
    relayChannel?.close();
    clearTimeout(replyTimeout);
    clearInterval(timer);
    model.off("msg:custom", onMessage);
  };
}

// Whether the kernel is gone, as far as the front end shows it. When a kernel is shut down, JupyterLab leaves widgets as
// they are and notifies none of them; but it disposes every comm to that kernel, and the layout's comm is within reach.
function isKernelGone(model) {
  const layout = model.get("layout");
  const comm = layout?.comm?.jsServicesComm;
  return layout?.comm_live === false || comm?.isDisposed === true || comm?._kernel?.status === "dead";
}

// Otherwise JupyterLab goes to the next cell by the arrow keys, also in a drop-down, and to the cell's source by Enter.
function keepKeys(event) {
  if (event.target.matches("select, summary")) event.target.dataset.lmSuppressShortcuts = "true";
}

// As _util/durations.py has it, except that the last ten minutes count down by seconds.
function durationInWords(seconds) {
  const left = Math.ceil(seconds);
  if (left < 600) return `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")} minutes`;
  if (left < 7200) return `${Math.round(left / 60)} minutes`;
  if (left < 172800) return `${Math.round(left / 3600)} hours`;
  return `${Math.round(left / 86400)} days`;
}

// Runs when the front end has created the widget, before anything shows it: it is there that a cell finds out whether
// this front end can draw the panel at all.
function initialize({ model }) {
  model.send({ alive: true });
}

export default { initialize, render };
