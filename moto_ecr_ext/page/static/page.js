// Copies, opens the search by a key, closes questions, and adds requests as they come. The page works without.
"use strict";

const said = document.getElementById("said");

async function copy(button) {
  const text = button.dataset.copy;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Only pages of this machine and those by TLS may use the clipboard.
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "unseen";
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
    button.focus();
  }
  said.textContent = "Copied.";
  button.classList.add("done");
  setTimeout(() => {
    button.classList.remove("done");
    said.textContent = "";
  }, 1500);
}

function closeQuestions(except) {
  for (const each of document.querySelectorAll(".tag-list .confirm[open]")) {
    if (each !== except) each.open = false;
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
  closeQuestions(event.target.closest(".confirm"));
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const open = event.target.closest?.(".confirm[open]");
    closeQuestions(null);
    open?.querySelector("summary").focus();
  } else if (event.key === "/" && !event.ctrlKey && !event.metaKey && !event.target.closest("input, select, textarea")) {
    event.preventDefault();
    document.getElementById("find").focus();
  }
});

for (const select of document.querySelectorAll(".filter select")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}

const table = document.querySelector("table.live");
if (table) follow(table);

function follow(table) {
  const body = table.tBodies[0];
  const pause = document.getElementById("pause");
  let last = Number(table.dataset.last);
  pause.hidden = false;
  pause.addEventListener("click", () => {
    const paused = pause.getAttribute("aria-pressed") === "true";
    pause.setAttribute("aria-pressed", String(!paused));
    pause.textContent = paused ? "Pause" : "Go on";
  });

  function cell(row, label, text, className) {
    const made = document.createElement(label === "Request" ? "th" : "td");
    if (label === "Request") made.scope = "row";
    else made.dataset.label = label;
    if (className) made.className = className;
    if (text instanceof Node) made.append(text);
    else made.textContent = text;
    row.append(made);
  }

  function element(name, text, className) {
    const made = document.createElement(name);
    made.textContent = text;
    made.className = className;
    return made;
  }

  function add(request) {
    const row = document.createElement("tr");
    row.className = "new";
    cell(row, "Time", request.time);
    cell(row, "Request", element("code", request.what, "long"));
    cell(row, "Status", element("span", request.status, `chip ${request.status >= 400 ? "bad" : "good"}`), "num");
    cell(row, "Took", request.took, "num");
    cell(row, "About", request.about, "long");
    body.prepend(row);
  }

  async function ask() {
    if (!document.hidden && pause.getAttribute("aria-pressed") !== "true") {
      try {
        const answer = await fetch(`${table.dataset.source}?after=${encodeURIComponent(last)}`);
        const found = await answer.json();
        for (const request of found.requests) {
          add(request);
          document.getElementById("none")?.remove();
        }
        // A server that has started anew counts from one.
        last = found.last < last ? 0 : found.last;
        while (body.rows.length > 200) body.lastElementChild.remove();
      } catch {
        // The server has ended, or starts again.
      }
    }
    setTimeout(ask, 1000);
  }

  setTimeout(ask, 1000);
}
