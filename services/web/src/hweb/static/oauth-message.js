// Hands the outcome of an authorization to the window that opened this one, and closes it.
"use strict";

const outcome = JSON.parse(document.querySelector("script.js-hypothesis-settings").textContent);
const message = outcome.canceled
  ? { type: "authorization_canceled", state: outcome.state }
  : { type: "authorization_response", code: outcome.code, state: outcome.state };

if (window.opener) {
  window.opener.postMessage(message, outcome.origin);
  window.close();
}
