// Works out the SHA-256 of a picture on the device, so that the picture itself need not be sent.
// Without this file, or without a safe connection, only "Send this file" is there.

const form = document.querySelector("[data-fingerprint]");
const button = form?.querySelector("[data-fingerprint-only]");

if (button && window.crypto?.subtle) {
  const input = form.querySelector("input[type=file]");
  button.hidden = false;
  form.querySelector("[data-fingerprint-hint]").hidden = false;
  // What keeps the picture on the device comes first.
  const send = button.parentElement.firstElementChild;
  button.className = send.className;
  // A new element, as a change of colours would take a moment in which it is hard to read.
  const second = send.cloneNode(true);
  second.className = "btn btn-secondary";
  send.replaceWith(button, second);
  button.addEventListener("click", async () => {
    const file = input.files[0];
    if (!file) { form.requestSubmit(); return; }
    button.disabled = true;
    const sum = await window.crypto.subtle.digest("SHA-256", await file.arrayBuffer());
    const bytes = [...new Uint8Array(sum)];
    form.querySelector("[name=digest]").value = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
    // An input without files sends none.
    input.value = "";
    form.submit();
  });
}
