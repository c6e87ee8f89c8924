"use strict";
// The page: takes files, runs the verification, shows the lines in Chinese or English.

const WORDS = {
  title: ["抽取结果验证", "Verify a draw"],
  lead: [
    "把验证包（zip）拖到这里，逐条核对抽取是否被动过手脚。全部计算在本机浏览器内完成，不联网，不上传。",
    "Drop a bundle (zip) here to check, step by step, that nobody steered its draw. Everything is computed in this browser: no network, nothing is sent.",
  ],
  choose: ["选择验证包，或拖到此处", "Choose a bundle, or drop it here"],
  help: ["一个 zip，或解压后的全部文件。", "One zip, or all the files it unpacks to."],
  more: [
    "手中有较早的检查点，或从别处得知的日志公钥？",
    "Do you hold an earlier checkpoint, or know the log's key from elsewhere?",
  ],
  previous: [
    "较早的检查点（例如纸质记录上二维码的文字）",
    "Earlier checkpoint (such as the text of the QR code on the paper record)",
  ],
  key: ["日志公钥（name+hash+base64）", "The log's key (name+hash+base64)"],
  again: ["重新验证", "Verify again"],
  save: ["存为单个文件", "Save as one file"],
  language: ["English", "中文"],
  footer: [
    "步骤见抽取协议 review-draw/v1 第 8 节。信标的 BLS 签名请用 verify.py 检查，或与 drand 公布值核对。",
    "The steps are those of section 8 of review-draw/v1. Check the beacon's BLS signature with verify.py, or compare it with what drand published.",
  ],
  busy: ["正在验证，第 {step} 步，共 12 步", "Verifying, step {step} of 12"],
  broken: [
    "此浏览器无法运行验证程序（{error}），请改用 verify.py",
    "This browser can't run the verification ({error}); use verify.py instead",
  ],
};
const STATUS = {
  PASS: ["✓ 通过", "✓ PASS", "pass"],
  FAIL: ["✗ 不符", "✗ FAIL", "fail"],
  "NOT CHECKED": ["○ 未检查", "○ NOT CHECKED", "open"],
};

const at = (id) => document.getElementById(id);
const page = { lang: 0, files: null, name: "", lines: null, run: 0, busy: null };

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function word(name, facts = {}) {
  return WORDS[name][page.lang].replace(/\{([a-z]+)\}/g, (_, fact) => shown(facts[fact]));
}

function speak(lang) {
  page.lang = lang;
  document.documentElement.lang = lang ? "en" : "zh-CN";
  document.title = word("title");
  for (const one of document.querySelectorAll("[data-text]")) {
    one.textContent = word(one.dataset.text);
  }
  at("language").textContent = word("language");
  at("language").lang = lang ? "zh-CN" : "en";
  if (page.busy) showProgress(...page.busy);
  if (page.lines) showLines(page.lines);
}

function showProgress(step, share = 0) {
  page.busy = [step, share];
  at("outcome").hidden = false;
  at("verdict").className = "busy";
  const text = word("busy", { step });
  if (at("verdict").textContent !== text) at("verdict").textContent = text;
  at("progress").hidden = false;
  at("progress").value = step - 1 + share;
}

function showVerdict(text, good) {
  page.busy = null;
  at("outcome").hidden = false;
  at("progress").hidden = true;
  at("verdict").className = good ? "good" : "bad";
  at("verdict").textContent = text;
}

function showLines(lines) {
  const failed = lines.filter((line) => line.status === "FAIL").length;
  const skipped = lines.filter((line) => line.status === "NOT CHECKED").length;
  const code = failed ? "verdict-fail" : "verdict-pass";
  showVerdict(`${failed ? "✗" : "✓"} ${told(code, { failed, skipped }, page.lang)}`, !failed);
  at("file").textContent = page.name;
  at("lines").replaceChildren(...lines.map((line) => {
    const status = STATUS[line.status];
    const row = element("li", status[2]);
    row.dataset.step = String(line.step);
    row.dataset.status = line.status;
    row.dataset.codes = line.codes.join(" ");
    const found = element("div", "found");
    found.append(...line.texts(page.lang).map((text) => element("p", "", text)));
    row.append(
      element("span", "number", String(line.step)),
      element("span", "status", status[page.lang]),
      element("h3", "", told(`step-${line.step}`, {}, page.lang)),
      found,
    );
    return row;
  }));
}

async function verifyNow() {
  const run = page.run + 1;
  page.run = run; // a later choice overtakes this one
  page.lines = null;
  at("lines").replaceChildren();
  at("file").textContent = page.name;
  const previous = at("previous").value;
  const key = at("key").value.trim();
  const options = {
    previous: previous.trim() ? `${previous.replace(/\r\n/g, "\n").trimEnd()}\n` : null,
    keys: key ? [key] : [],
    progress: (step, share) => { if (run === page.run) showProgress(step, share); },
  };
  showProgress(1);
  let lines;
  try {
    await selfTest();
    try {
      if (!page.files) page.files = await readChosen(page.chosen);
      lines = await new Verification(page.files, options).run();
    } catch (error) {
      lines = unreadable(error);
    }
  } catch (error) {
    if (run === page.run) showVerdict(word("broken", { error: error.message }), false);
    return;
  }
  if (run !== page.run) return;
  page.lines = lines;
  at("again").disabled = false;
  showLines(lines);
  at("verdict").focus();
}

function take(chosen) {
  if (!chosen.length) return;
  page.chosen = [...chosen];
  page.files = null;
  page.name = page.chosen.map((file) => file.name).join(", ");
  verifyNow();
}

async function oneFile() {
  // This page with its style and scripts inside, bound by a policy that lets nothing else in.
  const text = async (name) => (await fetch(name)).text();
  const hash = async (content) => {
    const digest = await crypto.subtle.digest("SHA-256", utf8(content));
    return `'sha256-${toBase64(new Uint8Array(digest))}'`;
  };
  let html = await text("index.html");
  const style = await text("style.css");
  html = html.replace('<link rel="stylesheet" href="style.css">', () => `<style>${style}</style>`);
  const hashes = [];
  for (const [tag, name] of html.matchAll(/<script src="([a-z]+\.js)"><\/script>/g)) {
    const script = await text(name);
    hashes.push(await hash(script));
    html = html.replace(tag, () => `<script>${script}<\/script>`);
  }
  const policy = `default-src 'none'; img-src data:; style-src ${await hash(style)}; `
    + `script-src ${hashes.join(" ")}; base-uri 'none'; form-action 'none'`;
  const meta = `<meta http-equiv="Content-Security-Policy" content="${policy}">`;
  return html.replace('<meta charset="utf-8">', `<meta charset="utf-8">\n${meta}`);
}

async function save() {
  const blob = new Blob([await oneFile()], { type: "text/html" });
  const link = element("a");
  link.href = URL.createObjectURL(blob);
  link.download = "verify.html";
  link.click();
  URL.revokeObjectURL(link.href);
}

function begin() {
  at("bundle").addEventListener("change", (event) => take(event.target.files));
  at("again").addEventListener("click", verifyNow);
  at("language").addEventListener("click", () => speak(1 - page.lang));
  at("save").addEventListener("click", save);
  // Only a served page has its parts to fetch; the saved file is whole already.
  at("save").hidden = !document.querySelector("script[src]") || location.protocol === "file:"
    || !globalThis.crypto || !crypto.subtle;
  for (const name of ["dragenter", "dragover"]) {
    document.addEventListener(name, (event) => {
      event.preventDefault();
      at("drop").classList.add("over");
    });
  }
  for (const name of ["dragleave", "drop"]) {
    document.addEventListener(name, () => at("drop").classList.remove("over"));
  }
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    take(event.dataTransfer.files);
  });
  // The site says by #zh or #en which language its reader has chosen; a saved copy asks the browser.
  const wanted = ["#zh", "#en"].includes(location.hash) ? location.hash.slice(1) : navigator.language;
  speak((wanted || "zh").startsWith("zh") ? 0 : 1);
}

begin();
