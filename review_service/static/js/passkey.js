// Passkeys: the page holds the options of the server; the browser's answer goes back in the form
// of the page. Without a passkey, or when it is cancelled, the page says so and offers a new try.
"use strict";

(() => {
  const box = document.getElementById("passkey");
  if (!box) return;

  const toBytes = (text) => {
    const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
  };
  const toText = (buffer) => {
    const letters = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte));
    return btoa(letters.join("")).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  };
  const named = (list) => (list || []).map((one) => ({ ...one, id: toBytes(one.id) }));

  async function register(options) {
    const made = await navigator.credentials.create({
      publicKey: {
        ...options,
        challenge: toBytes(options.challenge),
        user: { ...options.user, id: toBytes(options.user.id) },
        excludeCredentials: named(options.excludeCredentials),
      },
    });
    return {
      id: made.id,
      rawId: toText(made.rawId),
      type: made.type,
      response: {
        attestationObject: toText(made.response.attestationObject),
        clientDataJSON: toText(made.response.clientDataJSON),
        transports: made.response.getTransports ? made.response.getTransports() : null,
      },
      extensions: JSON.stringify(made.getClientExtensionResults()),
    };
  }

  async function answer(options) {
    const given = await navigator.credentials.get({
      publicKey: {
        ...options,
        challenge: toBytes(options.challenge),
        allowCredentials: named(options.allowCredentials),
      },
    });
    return {
      id: given.id,
      rawId: toText(given.rawId),
      type: given.type,
      response: {
        authenticatorData: toText(given.response.authenticatorData),
        clientDataJSON: toText(given.response.clientDataJSON),
        signature: toText(given.response.signature),
        userHandle: given.response.userHandle ? toText(given.response.userHandle) : null,
      },
      assertionClientExtensions: JSON.stringify(given.getClientExtensionResults()),
    };
  }

  async function begin() {
    const options = JSON.parse(box.dataset.options);
    try {
      const credential = box.dataset.kind === "register" ? await register(options) : await answer(options);
      box.querySelector("input[name=credential]").value = JSON.stringify(credential);
      box.submit();
    } catch {
      box.querySelector("[data-failed]").hidden = false;
    }
  }

  box.querySelector("button").addEventListener("click", (event) => {
    event.preventDefault();
    begin();
  });
  begin();
})();
