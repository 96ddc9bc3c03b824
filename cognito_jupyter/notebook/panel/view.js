// The panel's face: whatever it shows comes from the kernel as a message and is in no widget's state, since a notebook
// can be saved with the state in it. The paste box is emptied here, before anything else happens, so that a save finds
// nothing even while the kernel is busy with another cell.

const STALE_AFTER = 2500; // milliseconds without an answer: beside no kernel there is plain text
const FACE_ALONE = ".cognito-panel > :not(.cognito-face) { display: none !important }";

function render({ model, el }) {
  el.classList.add("cognito-face");
  el.innerHTML =
    '<style></style><div class="head" role="status" aria-live="polite"></div><div class="body"></div>';
  const [style, head, body] = el.children;
  style.textContent = FACE_ALONE; // until the kernel answers: the buttons around it may come from a file
  const shown = { style: "", head: "", body: "" };
  let offset = 0;
  let expired = new Set();

  const put = (node, name, html) => {
    if (shown[name] === html) return; // so that the cursor stays in the box
    shown[name] = html;
    node.innerHTML = html;
  };

  const heard = (content) => {
    clearTimeout(stale);
    if (isDead(model)) return;
    el.closest(".cognito-panel")?.addEventListener("focusin", keepArrows); // the same one counts once
    offset = Date.now() - content.now;
    put(style, "style", content.style);
    put(head, "head", content.head);
    put(body, "body", content.body);
    tick();
  };

  const paste = (input) => {
    const text = input.value;
    input.value = "";
    if (text) model.send({ pasted: text });
  };

  body.addEventListener("input", (event) => {
    // What comes at once is pasted; who types character by character ends with Enter.
    if (!event.isComposing && !/^delete/.test(event.inputType || "") && (event.data || "  ").length > 1) {
      paste(event.target);
    }
  });
  body.addEventListener("keydown", (event) => {
    // JupyterLab's own keys, such as x for cutting a cell, are not meant while somebody types here.
    event.stopPropagation();
    if (event.key === "Enter" && event.target.matches("input")) paste(event.target);
  });

  body.addEventListener("click", (event) => {
    // Whoever comes back from there with an address to paste finds the cursor in the box.
    if (event.target.closest("a.go")) body.querySelector("input")?.focus({ preventScroll: true });
  });

  const tick = () => {
    if (isDead(model)) {
      clearInterval(clock);
      goStale();
      return;
    }
    for (const node of el.querySelectorAll("[data-until]")) {
      const left = Math.max(0, (Number(node.dataset.until) + offset - Date.now()) / 1000);
      const part = Math.min(1, left / Number(node.dataset.whole));
      if (node.firstElementChild) {
        node.firstElementChild.style.transform = `scaleX(${part})`;
        node.setAttribute("aria-valuenow", String(Math.round(part * 100)));
      } else {
        node.textContent = inWords(left);
      }
      if (left === 0 && !expired.has(node.dataset.until)) {
        expired.add(node.dataset.until);
        model.send({ seen: true });
      }
    }
  };

  const goStale = () => {
    style.textContent = FACE_ALONE;
    body.textContent = "";
    head.textContent = model.get("stale");
  };
  const stale = setTimeout(goStale, STALE_AFTER);
  const clock = setInterval(tick, 1000);
  model.on("msg:custom", heard);
  model.send({ seen: true });
  return () => {
    clearTimeout(stale);
    clearInterval(clock);
    model.off("msg:custom", heard);
  };
}

// Whether the kernel is gone, as far as the front end says so. JupyterLab leaves widgets as they are when a kernel is shut
// down, and no widget is told; but every comm to it is disposed, and the layout's is within reach.
function isDead(model) {
  const layout = model.get("layout");
  const comm = layout?.comm?.jsServicesComm;
  return layout?.comm_live === false || comm?.isDisposed === true || comm?._kernel?.status === "dead";
}

// JupyterLab takes the arrow keys for its own, also in a drop-down, and goes to the next cell.
function keepArrows(event) {
  if (event.target.matches("select")) event.target.dataset.lmSuppressShortcuts = "true";
}

function inWords(seconds) {
  const whole = Math.ceil(seconds);
  if (whole < 600) return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")} minutes`;
  if (whole < 7200) return `${Math.round(whole / 60)} minutes`;
  if (whole < 172800) return `${Math.round(whole / 3600)} hours`;
  return `${Math.round(whole / 86400)} days`;
}

export default { render };
