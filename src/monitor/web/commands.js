import { byId, element, setText } from "./dom.js";
import { text } from "./language.js";

const dialog = byId("commands");

function commandLine(command) {
  const copy = element("button", { type: "button" }, text("copy"));
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(command);
    setText(copy, text("copied"));
  });
  return element("li", {}, element("code", {}, command), copy);
}

/** Shows the commands that change a server, to be copied: the page itself changes nothing. */
export function openCommands(backend, server) {
  const name = `${backend}/${server.name}`;
  setText(byId("commands-title"), text("changeServer", { name }));
  const verbs = ["ready", "drain", "maint"].filter((verb) => verb !== server.admin);
  const lines = [
    ...verbs.map((verb) => `weir server ${verb} ${name}`),
    `weir server weight ${name} ${server.weight}`,
  ];
  dialog.querySelector("ul").replaceChildren(...lines.map(commandLine));
  dialog.showModal();
}
