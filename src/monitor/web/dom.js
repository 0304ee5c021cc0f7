export const byId = (id) => document.getElementById(id);

/** A new element with attributes and children. */
export function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/** Changes a node's text only when it differs: browsers lay out anew otherwise. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setClass(node, names) {
  if (node.className !== names) node.className = names;
}

/**
 * Makes a parent hold exactly one node for each item, in order; known ones stay. `create(item)`
 * makes one, `update(node, item)` fills it.
 */
export function keyed(parent, items, keyOf, create, update) {
  const known = new Map(
    [...parent.children].filter((n) => n.dataset.key).map((n) => [n.dataset.key, n]),
  );
  let before = [...parent.children].find((n) => n.dataset.key) ?? null;
  for (const item of items) {
    const key = keyOf(item);
    let node = known.get(key);
    known.delete(key);
    if (!node) {
      node = create(item);
      node.dataset.key = key;
    }
    if (node === before) before = before.nextElementSibling;
    else parent.insertBefore(node, before);
    update(node, item);
  }
  for (const node of known.values()) node.remove();
}
