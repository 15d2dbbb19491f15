/* What the pages do beyond links and forms: theme, menu, sorting, uploads. Works under default-src 'self'; without it, everything but uploads still does. */
(() => {
  const one = (s, r = document) => r.querySelector(s), all = (s, r = document) => [...r.querySelectorAll(s)];
  const kept = { read() { try { return localStorage.getItem("theme"); } catch { return null; } }, write(v) { try { localStorage.setItem("theme", v); } catch { /* not kept */ } } };

  const theme = t => {
    if (t === "light" || t === "dark") document.documentElement.dataset.theme = t; else delete document.documentElement.dataset.theme;
    all("[data-set-theme]").forEach(b => b.setAttribute("aria-pressed", String(b.dataset.setTheme === (t || "system"))));
  };
  theme(kept.read());

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
      request.setRequestHeader("X-CSRF-Token", drop.dataset.csrf);
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
  /* A page that waits for something looks again by itself. */
  const waiting = one("[data-look-again]");
  if (waiting) setTimeout(() => location.reload(), Number(waiting.dataset.lookAgain));
})();
