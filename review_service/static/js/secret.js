// A party's secret is made here, in the browser, and only its commitment is sent:
// commitment = SHA-256(LP(tag) ‖ LP(draw id) ‖ LP(party) ‖ LP(secret)), LP = 8-byte length, then bytes.
// On the reveal form the typed secret is checked against the commitment before it is sent.
"use strict";

(() => {
  const TAG = "review-draw/v1/commitment";
  const text = new TextEncoder();

  function lengthPrefixed(bytes) {
    const out = new Uint8Array(8 + bytes.length);
    new DataView(out.buffer).setBigUint64(0, BigInt(bytes.length));
    out.set(bytes, 8);
    return out;
  }

  const toHex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
  const fromHex = (hex) => Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16));
  const tidy = (typed) => typed.replace(/\s+/g, "").toLowerCase();
  const isSecret = (hex) => /^[0-9a-f]{64}$/.test(hex);

  async function commitment(drawId, party, secret) {
    const parts = [text.encode(TAG), text.encode(drawId), text.encode(party), secret];
    const whole = await new Blob(parts.map(lengthPrefixed)).arrayBuffer();
    return toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", whole)));
  }

  const storeKey = (box) => `secret:${box.dataset.draw}:${box.dataset.party}`;

  function setUpMaker(box) {
    const find = (name) => box.querySelector(`[data-${name}]`);
    let secret = null;
    find("make").addEventListener("click", async () => {
      secret = crypto.getRandomValues(new Uint8Array(32));
      find("secret").textContent = toHex(secret).match(/.{4}/g).join(" ");
      find("qr").replaceChildren(window.qrCode(toHex(secret).toUpperCase()));
      find("commitment").value = await commitment(box.dataset.draw, box.dataset.party, secret);
      find("made").hidden = false;
      find("kept").hidden = true;
    });
    find("print").addEventListener("click", () => window.print());
    find("keep").addEventListener("click", () => {
      localStorage.setItem(storeKey(box), toHex(secret));
      find("kept").hidden = false;
    });
  }

  // Where the browser reads QR codes by itself, the printed secret is photographed or chosen as a
  // picture; the picture never leaves the page.
  async function setUpScan(box, found) {
    const scan = box.querySelector("[data-scan]");
    if (!scan || !("BarcodeDetector" in window)) return;
    const formats = await window.BarcodeDetector.getSupportedFormats();
    if (!formats.includes("qr_code")) return;
    const detector = new window.BarcodeDetector({ formats: ["qr_code"] });
    scan.hidden = false;
    scan.querySelector("[data-photo]").addEventListener("change", async (event) => {
      const none = scan.querySelector("[data-none]");
      none.hidden = true;
      let codes = [];
      try {
        codes = await detector.detect(await createImageBitmap(event.target.files[0]));
      } catch {
        // Not a picture: said below as "none found".
      }
      const secret = codes.map((one) => tidy(one.rawValue)).find(isSecret);
      none.hidden = Boolean(secret);
      if (secret) found(secret);
    });
  }

  function setUpReveal(box) {
    const field = box.querySelector("[data-value]");
    const show = (name) => {
      for (const one of box.querySelectorAll("[data-said]")) one.hidden = one.dataset.said !== name;
    };
    const check = async () => {
      const hex = tidy(field.value);
      if (!isSecret(hex)) return show(hex ? "unfinished" : "");
      const made = await commitment(box.dataset.draw, box.dataset.party, fromHex(hex));
      return show(made === box.dataset.commitment ? "matches" : "differs");
    };
    field.addEventListener("input", check);
    setUpScan(box, (text) => {
      field.value = tidy(text).match(/.{1,4}/g).join(" ");
      check();
    });
    const kept = localStorage.getItem(storeKey(box));
    const button = box.querySelector("[data-use-kept]");
    if (kept && button) {
      button.hidden = false;
      button.addEventListener("click", () => {
        field.value = kept.match(/.{4}/g).join(" ");
        check();
      });
    }
  }

  document.querySelectorAll("[data-secret-maker]").forEach(setUpMaker);
  document.querySelectorAll("[data-secret-reveal]").forEach(setUpReveal);
})();
