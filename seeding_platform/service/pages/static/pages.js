/* What the pages do beyond links and forms: theme, menu, sorting, uploads. Works under default-src 'self'; without it, everything but uploads still does. */
(() => {
  const one = (s, r = document) => r.querySelector(s), all = (s, r = document) => [...r.querySelectorAll(s)];
  const kept = { read() { try { return localStorage.getItem("theme"); } catch { return null; } }, write(v) { try { localStorage.setItem("theme", v); } catch { /* not kept */ } } };

  const theme = t => {
    if (t === "light" || t === "dark") document.documentElement.dataset.theme = t; else delete document.documentElement.dataset.theme;
    all("[data-set-theme]").forEach(b => b.setAttribute("aria-pressed", String(b.dataset.setTheme === (t || "system"))));
  };
  theme(kept.read());

  const csrf = () => one("meta[name=csrf]").content;
  const nav = one("#nav"); let opener;
  const drawer = open => {
    nav.classList.toggle("is-open", open);
    one("main").inert = open; one(".topbar").inert = open;
    one(".scrim")?.remove();
    if (open) { const s = document.createElement("div"); s.className = "scrim"; s.addEventListener("click", () => drawer(false)); document.body.append(s); one("a", nav).focus(); } else opener?.focus();
    all("[data-menu]").forEach(b => b.setAttribute("aria-expanded", String(open)));
  };

  const sort = th => {
    const table = th.closest("table"), at = [...th.parentElement.children].indexOf(th), up = th.getAttribute("aria-sort") === "descending";
    all("th[aria-sort]", table).forEach(h => h.removeAttribute("aria-sort"));
    th.setAttribute("aria-sort", up ? "ascending" : "descending");
    const value = row => row.children[at].dataset.v ?? row.children[at].textContent.trim();
    const order = (a, b) => { const x = value(a), y = value(b); if (x === "") return 1; if (y === "") return -1; const d = isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y; return up ? d : -d; };
    [...table.tBodies[0].rows].sort(order).forEach(row => table.tBodies[0].append(row));
  };

  document.addEventListener("click", e => {
    const el = e.target.closest("[data-set-theme],[data-menu],.sort");
    if (!el) return;
    if (el.dataset.setTheme) { kept.write(el.dataset.setTheme); theme(el.dataset.setTheme === "system" ? null : el.dataset.setTheme); }
    else if ("menu" in el.dataset) { opener = el; drawer(!nav.classList.contains("is-open")); }
    else sort(el.closest("th"));
  });
  document.addEventListener("keydown", e => { if (e.key === "Escape" && nav?.classList.contains("is-open")) drawer(false); });

  /* Uploads: one request a file, its progress, then the page again with what became of it. */
  const drop = one(".drop");
  if (drop) {
    const bar = one("#uploading"), say = one("#uploading-says");
    const send = file => new Promise(done => {
      const request = new XMLHttpRequest(), form = new FormData();
      form.append("file", file);
      request.open("POST", "/api/v1/ingestions");
      request.setRequestHeader("X-CSRF-Token", csrf());
      request.upload.addEventListener("progress", e => { if (e.lengthComputable) one("progress", bar).value = 100 * e.loaded / e.total; });
      request.addEventListener("loadend", () => done(request));
      bar.hidden = false; say.textContent = file.name;
      request.send(form);
    });
    const sendAll = async files => { for (const file of files) await send(file); location.assign(location.pathname); };
    for (const [kind, on] of [["dragover", true], ["dragleave", false], ["drop", false]]) drop.addEventListener(kind, e => { e.preventDefault(); drop.classList.toggle("is-over", on); });
    drop.addEventListener("drop", e => sendAll(e.dataTransfer.files));
    one("input", drop).addEventListener("change", e => sendAll(e.target.files));
  }
  /* Forms and buttons that call the API: what goes wrong is said in #said, what went well is the page again. */
  const said = text => { const box = one("#said"); if (!box) return; box.hidden = false; one("p", box).textContent = text; box.scrollIntoView({ block: "nearest" }); };
  const call = async (url, method, body) => {
    const headers = { "X-CSRF-Token": csrf(), "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID() };
    const answer = await fetch(url, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    const told = answer.status === 204 ? null : await answer.json();
    if (!answer.ok) { said(told.detail); return null; }
    return told ?? {};
  };
  document.addEventListener("submit", async e => {
    const form = e.target;
    if (!form.dataset.post) return;
    e.preventDefault();
    const body = {};
    for (const field of form.elements) {
      if (!field.name || (field.value === "" && !field.required)) continue;
      body[field.name] = "lines" in field.dataset ? field.value.split("\n").map(s => s.trim()).filter(Boolean) : "number" in field.dataset ? Number(field.value) : field.value;
    }
    if (await call(form.dataset.post, "POST", body)) location.reload();
  });
  document.addEventListener("click", async e => {
    const el = e.target.closest("[data-send],[data-modal],[data-close]");
    if (!el) return;
    if (el.dataset.modal) { one(`#${el.dataset.modal}`).showModal(); return; }
    el.closest("dialog")?.close();
    if (!el.dataset.send) return;
    el.disabled = true;
    const told = await call(el.dataset.send, el.dataset.method ?? "POST", el.dataset.body ? JSON.parse(el.dataset.body) : undefined);
    el.disabled = false;
    if (!told) return;
    if (!el.dataset.show) { location.reload(); return; }
    const box = one(el.dataset.show), link = one("a", box);
    link.href = told.path; link.textContent = new URL(told.path, location.origin).href; box.hidden = false;
  });
  /* Live parts: on an event, and by the clock, the page is read again and only what is marked is replaced; what is being typed, chosen or unfolded stays. */
  const lives = all("[data-live]");
  if (lives.length) {
    let waiting, working = false;
    const busy = part => part.contains(document.activeElement) && document.activeElement.matches("input,select,textarea,button")
      || all("option", part).some(o => o.selected !== o.defaultSelected && o.parentElement.querySelector("[selected]"));
    const replaced = (part, by) => {
      const open = all("details", part).map(d => d.open), at = all("a,summary,[tabindex]", part).indexOf(document.activeElement);
      part.replaceChildren(...by.childNodes);
      all("details", part).forEach((d, n) => { d.open = open[n] ?? d.open; });
      if (at >= 0) all("a,summary,[tabindex]", part)[at]?.focus({ preventScroll: true });
    };
    const again = async () => {
      const still = lives.filter(part => !busy(part));
      if (working || document.hidden || !still.length) return;
      working = true;
      try {
        const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
        if (answer.ok && !answer.redirected) {
          const page = new DOMParser().parseFromString(await answer.text(), "text/html");
          for (const part of still) { const by = one(`#${part.id}`, page); if (by && !busy(part)) replaced(part, by); }
        }
      } catch { /* the next look tries again */ }
      working = false;
    };
    const soon = () => { clearTimeout(waiting); waiting = setTimeout(again, 300); };
    const source = new EventSource("/api/v1/events"), clocked = lives.map(part => part.dataset.liveEvery).filter(Boolean);
    for (const kind of new Set(lives.flatMap(part => part.dataset.live.split(" ")))) source.addEventListener(kind, soon);
    setInterval(() => { if (source.readyState !== EventSource.OPEN || clocked.length) again(); }, clocked.length ? Math.min(...clocked.map(Number)) : 30000);
    addEventListener("pagehide", () => source.close());
  }
  /* A queue by keys, while its list has the focus (WCAG 2.1.4): arrows or J and K move, digits choose a label, Enter confirms, S is later, U undoes. */
  const queue = one("[data-queue]");
  if (queue) {
    const card = one("#card"), says = one("#queue-says"), picks = all("input[type=radio]", card), first = picks.findIndex(p => p.checked);
    const chosen = () => picks.findIndex(p => p.checked);
    const choose = at => { picks[at].checked = true; says.textContent = queue.dataset.says.replace("{label}", picks[at].parentElement.textContent.replace(picks[at].dataset.key, "").trim()); };
    const go = where => { if (where) location.assign(where); };
    const keys = {
      ArrowDown: () => go(queue.dataset.below), j: () => go(queue.dataset.below), ArrowUp: () => go(queue.dataset.before), k: () => go(queue.dataset.before),
      ArrowRight: () => choose((chosen() + 1) % picks.length), ArrowLeft: () => choose((Math.max(chosen(), 0) + picks.length - 1) % picks.length), s: () => go(queue.dataset.next),
      Enter: () => { if (chosen() < 0) says.textContent = queue.dataset.first; else card.requestSubmit(); },
      u: () => { if (chosen() === first) { go(queue.dataset.undo); return; } picks.forEach((p, at) => { p.checked = at === first; }); says.textContent = queue.dataset.unchosen; },
    };
    queue.addEventListener("keydown", e => {
      if (e.ctrlKey || e.metaKey || e.altKey || (e.key === "Enter" && e.target !== queue)) return;
      const digit = picks.findIndex(p => p.dataset.key === e.key), key = e.key.length === 1 ? e.key.toLowerCase() : e.key;
      if (digit < 0 && !keys[key]) return;
      e.preventDefault();
      if (digit >= 0) choose(digit); else keys[key]();
    });
    if (location.hash === "#queue") queue.focus({ preventScroll: true });
  }
  /* A page that waits for something looks again by itself. */
  const waiting = one("[data-look-again]");
  if (waiting) setTimeout(() => location.reload(), Number(waiting.dataset.lookAgain));
})();
