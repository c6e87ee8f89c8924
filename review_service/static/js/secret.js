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

  // The printed secret is held before the camera, photographed, or chosen as a picture. Pictures
  // are read in this page (scan.js) and never leave it.
  const LARGEST = 1000; // pixels of the longer side, enough for a code that fills a third of it
  const EVERY = 150; // milliseconds between two looks through the camera

  function read(picture, width, height) {
    const scale = Math.min(1, LARGEST / Math.max(width, height));
    const canvas = new OffscreenCanvas(Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale)));
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
    const text = window.qrRead(pen.getImageData(0, 0, canvas.width, canvas.height));
    return text && isSecret(tidy(text)) ? tidy(text) : "";
  }

  function setUpPhoto(scan, say, found) {
    scan.querySelector("[data-photo]").addEventListener("change", async (event) => {
      say("");
      let secret = "";
      try {
        const picture = await createImageBitmap(event.target.files[0]);
        secret = read(picture, picture.width, picture.height);
      } catch {
        // Not a picture: said below as "none found".
      }
      say(secret ? "" : "none");
      if (secret) found(secret);
    });
  }

  // Without a camera, or where its use isn't allowed, the page says so and the other ways stand.
  function setUpCamera(scan, say, found) {
    const [open, stop] = ["open", "stop"].map((name) => scan.querySelector(`[data-camera-${name}]`));
    const video = scan.querySelector("video");
    if (!navigator.mediaDevices) return; // a page that isn't served securely has none
    open.hidden = false;
    let stream = null;

    function close() {
      stream?.getTracks().forEach((one) => one.stop());
      stream = null;
      video.srcObject = null;
      video.hidden = stop.hidden = true;
      open.hidden = false;
      say("");
    }

    function look() {
      if (!stream) return;
      const secret = video.videoWidth ? read(video, video.videoWidth, video.videoHeight) : "";
      if (!secret) return setTimeout(look, EVERY);
      close();
      return found(secret);
    }

    open.addEventListener("click", async () => {
      open.hidden = true;
      try {
        stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      } catch (error) {
        open.hidden = false;
        return say(error.name === "NotAllowedError" ? "forbidden" : "no-camera");
      }
      video.srcObject = stream;
      video.hidden = stop.hidden = false;
      stop.focus();
      say("looking");
      await video.play();
      return look();
    });
    stop.addEventListener("click", () => {
      close();
      open.focus();
    });
    document.addEventListener("visibilitychange", () => document.hidden && stream && close());
  }

  function setUpScan(box, found) {
    const scan = box.querySelector("[data-scan]");
    if (!scan) return;
    const say = (name) => {
      for (const one of scan.querySelectorAll("[data-scanned]")) one.hidden = one.dataset.scanned !== name;
    };
    scan.hidden = false;
    setUpPhoto(scan, say, found);
    setUpCamera(scan, say, found);
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
    setUpScan(box, (secret) => {
      field.value = secret.match(/.{4}/g).join(" ");
      field.focus();
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
