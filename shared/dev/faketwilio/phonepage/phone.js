// The caller types. Everything that is shown is a text node, so that no word of a call is read as HTML.
"use strict";

const element = (id) => document.getElementById(id);
const names = { agent: "Assistant", twilio: "Twilio", caller: "You" };
let call = "";      // the path of the call
let line = null;    // the item that the newest words belong to
let speaker = "";

function state(text) { element("state").textContent = text; }

// add shows a line. Finished lines are also read to users of screen readers.
function add(kind, name, text) {
  const item = document.createElement("li");
  item.className = kind;
  if (name) {
    const bold = document.createElement("b");
    bold.append(name + ": ");
    item.append(bold);
  }
  item.append(text);
  element("words").append(item);
  element("words").scrollTop = element("words").scrollHeight;
  return item;
}

function finish() {
  if (line) {
    const read = document.createElement("p");
    read.append(line.textContent);
    element("spoken").append(read);
  }
  line = null;
  speaker = "";
}

function note(text, kind) {
  finish();
  line = add(kind || "note", "", text);
  finish();
}

function word(by, text) {
  if (speaker !== by) {
    finish();
    line = add(by, names[by], "");
    speaker = by;
  }
  line.append(text);
  element("words").scrollTop = element("words").scrollHeight;
}

const show = {
  answered: () => state("The call was answered."),
  session: () => { state("You are connected with the assistant."); enable(true); element("text").focus(); },
  word: (e) => word(e.by, e.text),
  said: (e) => { finish(); word("caller", e.text); finish(); },
  "turn-end": finish,
  interrupted: () => note("interrupted"),
  keys: (e) => note("key " + e.text),
  digits: (e) => note("the assistant presses " + e.text),
  dropped: () => note("the WebSocket broke"),
  reconnected: () => note("the WebSocket was opened again"),
  "session-end": (e) => { note("the session with the assistant: " + e.text); enable(false); element("hangup").disabled = false; },
  dialled: (e) => { note("dialling " + e.text); state("You are being transferred."); },
  "dial-end": (e) => note("the dialled call: " + e.text),
  problem: (e) => note(e.text, "wrong"),
  violation: (e) => note(e.text, "wrong"),
  over: (e) => { note("the call: " + e.text); state("The call is over."); enable(false); },
};

// enable allows or forbids what a caller does in a conversation.
function enable(on) {
  for (const control of document.querySelectorAll("#say input, #say button, #press input, #press button, #cough, #drop, #hangup")) control.disabled = !on;
}

async function post(path, form) {
  const answer = await fetch(path, { method: "POST", body: new URLSearchParams(form) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(text.trim());
  return text;
}

async function act(name, form) {
  try {
    await post(call + "/" + name, form);
  } catch (e) {
    note(e.message, "wrong");
  }
}

function follow() {
  const events = new EventSource(call + "/events");
  events.onmessage = (message) => {
    const e = JSON.parse(message.data);
    if (e.type === "done") {
      events.close();
      element("call").disabled = false;
      element("call").focus();
      return;
    }
    if (show[e.type]) show[e.type](e);
  };
}

element("dial").addEventListener("submit", async (event) => {
  event.preventDefault();
  element("call").disabled = true;
  element("words").replaceChildren();
  element("spoken").replaceChildren();
  state("It rings.");
  try {
    call = "/phone/calls/" + JSON.parse(await post("/phone/calls", new FormData(element("dial")))).sid;
    element("hangup").disabled = false;
    follow();
  } catch (e) {
    state("The call could not be made: " + e.message);
    element("call").disabled = false;
  }
});

element("say").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = element("text").value.trim();
  if (text) act("say", { Text: text });
  element("text").value = "";
});

element("press").addEventListener("submit", (event) => {
  event.preventDefault();
  if (element("keys").value) act("press", { Keys: element("keys").value });
  element("keys").value = "";
});

for (const name of ["hangup", "cough", "drop"]) element(name).addEventListener("click", () => act(name, {}));
