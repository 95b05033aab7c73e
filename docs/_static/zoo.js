// The table of zoo.md, searched and sorted. Without this script it is the same table, as the page has it.
(() => {
  const table = document.querySelector("#what-there-is table");
  if (!table) return;
  table.classList.add("zoo");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  const labels = heads.map((head) => head.textContent.trim());
  const said = (row, column) => row.cells[column].textContent.trim();
  for (const row of rows)
    [...row.cells].forEach((cell, column) => {
      cell.dataset.label = labels[column];
      cell.classList.toggle("nothing", said(row, column) === "");
    });

  // "1,076", "1.08 M", "12 min" and "2.5 h" are numbers; what a score is of comes before how large it is.
  const SCALE = { k: 1e3, M: 1e6, min: 1, h: 60 };
  const key = (text) => {
    const found = /^([\d,.]+)\s*(.*)$/.exec(text);
    if (!found) return [text === "" ? "\uffff" : text.toLowerCase(), 0];
    const value = Number(found[1].replaceAll(",", ""));
    const unit = found[2].split(",")[0];
    return unit in SCALE ? ["", value * SCALE[unit]] : [unit, value];
  };
  const compare = (a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : a[1] - b[1]);

  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.title = `sort by ${labels[column]}`;
    button.append(...head.childNodes);
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const sorted = rows
        .map((row) => [key(said(row, column)), row])
        .sort((a, b) => (up ? compare(a[0], b[0]) : compare(b[0], a[0])));
      body.append(...sorted.map(([, row]) => row));
    });
  });

  const tools = document.createElement("div");
  tools.className = "zoo-tools";
  const search = Object.assign(document.createElement("input"), {
    type: "search",
    placeholder: "search: lstm, shakespeare, fr, public domain …",
  });
  search.setAttribute("aria-label", "search the zoo");
  const count = document.createElement("output");
  const choices = ["task", "language"].map((label) => {
    const column = labels.indexOf(label);
    const select = document.createElement("select");
    select.setAttribute("aria-label", label);
    const values = new Set(rows.flatMap((row) => said(row, column).split(/[^\p{L}-]+/u)).filter(Boolean));
    if (label === "task") {
      values.clear();
      rows.forEach((row) => values.add(said(row, column)));
    }
    select.append(new Option(`every ${label}`, ""), ...[...values].sort().map((value) => new Option(value)));
    return { column, select };
  });
  tools.append(search, ...choices.map((choice) => choice.select), count);
  (table.closest(".table-wrapper") ?? table).before(tools);

  const words = (text) => text.toLowerCase().split(/\s+/).filter(Boolean);
  const show = () => {
    const wanted = words(search.value);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      const chosen = ({ column, select }) =>
        !select.value || said(row, column) === select.value || said(row, column).split(/[^\p{L}-]+/u).includes(select.value);
      row.hidden = !(wanted.every((word) => text.includes(word)) && choices.every(chosen));
      shown += row.hidden ? 0 : 1;
    }
    count.value = shown === rows.length ? `${shown} models` : `${shown} of ${rows.length} models`;
  };
  tools.addEventListener("input", show);
  show();
})();
