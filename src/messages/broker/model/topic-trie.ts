interface Node<T> {
  /** By the word that leads there; `*` and `#` are words like others here. */
  readonly next: Map<string, Node<T>>;
  /** How many bindings have each target under this pattern. */
  readonly targets: Map<T, number>;
  readonly isHash: boolean;
}

/** Topic patterns (words between dots; `*` is one word, `#` any number of them), and who is bound by each.
 *  A key is matched word by word against all patterns at once: at most its words times the patterns' distinct beginnings, however many `#` there are. */
export class TopicTrie<T> {
  readonly #root: Node<T> = newNode(false);

  add(pattern: string, target: T): void {
    let node = this.#root;
    for (const word of pattern.split(".")) {
      let next = node.next.get(word);
      if (next === undefined) {
        next = newNode(word === "#");
        node.next.set(word, next);
      }
      node = next;
    }
    node.targets.set(target, (node.targets.get(target) ?? 0) + 1);
  }

  /** Undoes one `add`. */
  remove(pattern: string, target: T): void {
    const path: (readonly [Node<T>, string])[] = [];
    let node = this.#root;
    for (const word of pattern.split(".")) {
      path.push([node, word]);
      const next = node.next.get(word);
      if (next === undefined) return;
      node = next;
    }
    const count = node.targets.get(target) ?? 0;
    if (count > 1) node.targets.set(target, count - 1);
    else node.targets.delete(target);
    for (const [parent, word] of path.reverse()) {
      const child = parent.next.get(word);
      if (child === undefined || child.next.size > 0 || child.targets.size > 0) return;
      parent.next.delete(word);
    }
  }

  /** Puts into `found` whoever is bound by a pattern that `key` matches. */
  match(key: string, found: Set<T>): void {
    let nodes = new Set<Node<T>>();
    enter(this.#root, nodes);
    for (const word of key.split(".")) {
      const following = new Set<Node<T>>();
      for (const node of nodes) {
        const exact = node.next.get(word);
        // A word of a key may itself be "*" or "#"; those of patterns are met below.
        if (exact !== undefined && word !== "*" && word !== "#") enter(exact, following);
        const any = node.next.get("*");
        if (any !== undefined) enter(any, following);
        if (node.isHash) enter(node, following);
      }
      if (following.size === 0) return;
      nodes = following;
    }
    for (const { targets } of nodes) for (const target of targets.keys()) found.add(target);
  }
}

function newNode<T>(isHash: boolean): Node<T> {
  return { next: new Map(), targets: new Map(), isHash };
}

/** `#` also matches no word at all. */
function enter<T>(node: Node<T>, nodes: Set<Node<T>>): void {
  for (let one: Node<T> | undefined = node; one !== undefined && !nodes.has(one); one = one.next.get("#")) nodes.add(one);
}
