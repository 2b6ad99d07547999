import { verify } from './error.ts';
import { readLeafNode, writeLeafNode } from './leaf-node.ts';
import { readParentNode, writeParentNode } from './parent-node.ts';
import { readEnum } from './tls-reader.ts';
import {
  directPath,
  fullLeafCount,
  isLeaf,
  isInSubtree,
  leafOfNode,
  left,
  LEAF_COUNT_MAX,
  level,
  nodeCount,
  nodeOfLeaf,
  right,
  root,
} from './tree-math.ts';
import type { LeafNode } from './leaf-node.ts';
import type { ParentNode } from './parent-node.ts';
import type { TlsReader } from './tls-reader.ts';
import type { TlsWriter } from './tls-writer.ts';

export type TreeNode = LeafNode | ParentNode;

export interface PathStep {
  /** A parent on the direct path. */
  readonly node: number;
  /** Its child that is not on the direct path. */
  readonly copathChild: number;
}

/**
 * The public ratchet tree (RFC 9420 sections 4.1, 7.1 to 7.8). Nodes are immutable and shared between clones, so that
 * a clone costs two arrays of references; hashes of subtrees are kept until something below them changes.
 */
export class RatchetTree {
  #nodes: (TreeNode | null)[];
  #hashes: (Uint8Array | undefined)[];

  /** @param nodes in the order of `tree-math.ts`; a full tree */
  constructor(nodes: readonly (TreeNode | null)[], hashes: readonly (Uint8Array | undefined)[] = []) {
    this.#nodes = [...nodes];
    this.#hashes = [...hashes];
  }

  clone(): RatchetTree {
    return new RatchetTree(this.#nodes, this.#hashes);
  }

  get leafCount(): number {
    return (this.#nodes.length + 1) / 2;
  }

  get root(): number {
    return root(this.leafCount);
  }

  nodeAt(node: number): TreeNode | null {
    return this.#nodes[node] ?? null;
  }

  /** Null for a blank leaf and for one outside the tree. */
  leafAt(leafIndex: number): LeafNode | null {
    return this.nodeAt(nodeOfLeaf(leafIndex)) as LeafNode | null;
  }

  parentAt(node: number): ParentNode | null {
    return this.nodeAt(node) as ParentNode | null;
  }

  *leaves(): Generator<readonly [leafIndex: number, leaf: LeafNode]> {
    for (let leafIndex = 0; leafIndex < this.leafCount; leafIndex++) {
      const leaf = this.leafAt(leafIndex);
      if (leaf !== null) yield [leafIndex, leaf];
    }
  }

  get memberCount(): number {
    return [...this.leaves()].length;
  }

  cachedHash(node: number): Uint8Array | undefined {
    return this.#hashes[node];
  }

  cacheHash(node: number, hash: Uint8Array): void {
    this.#hashes[node] = hash;
  }

  set(node: number, value: TreeNode | null): void {
    this.#nodes[node] = value;
    this.#hashes[node] = undefined;
    for (const above of directPath(node, this.leafCount)) this.#hashes[above] = undefined;
  }

  setLeaf(leafIndex: number, leaf: LeafNode | null): void {
    this.set(nodeOfLeaf(leafIndex), leaf);
  }

  /** The leftmost blank leaf; the tree is extended when there is none (section 7.7). */
  takeBlankLeaf(): number {
    for (let leafIndex = 0; leafIndex < this.leafCount; leafIndex++) {
      if (this.leafAt(leafIndex) === null) return leafIndex;
    }
    const leafIndex = this.leafCount;
    verify(leafIndex < LEAF_COUNT_MAX, 'bad_tree', `A tree has at most ${LEAF_COUNT_MAX} leaves.`);
    const count = nodeCount(leafIndex * 2);
    while (this.#nodes.length < count) this.#nodes.push(null);
    return leafIndex;
  }

  /** Section 12.1.1. @returns the new leaf's index */
  add(leaf: LeafNode): number {
    const leafIndex = this.takeBlankLeaf();
    for (const node of directPath(nodeOfLeaf(leafIndex), this.leafCount)) {
      const parent = this.parentAt(node);
      if (parent === null) continue;
      const unmergedLeaves = [...parent.unmergedLeaves, leafIndex].toSorted((a, b) => a - b);
      this.#nodes[node] = { ...parent, unmergedLeaves };
    }
    this.setLeaf(leafIndex, leaf);
    return leafIndex;
  }

  /** Section 12.1.2. */
  update(leafIndex: number, leaf: LeafNode): void {
    this.blankDirectPath(leafIndex);
    this.setLeaf(leafIndex, leaf);
  }

  /** Section 12.1.3: blanks the leaf and its path. `truncate` follows when all removes are done. */
  remove(leafIndex: number): void {
    this.blankDirectPath(leafIndex);
    this.setLeaf(leafIndex, null);
  }

  /** Section 7.7: drops right halves that are blank. */
  truncate(): void {
    let last = this.leafCount - 1;
    while (last > 0 && this.leafAt(last) === null) last--;
    const count = nodeCount(fullLeafCount(last + 1));
    this.#nodes.length = count;
    this.#hashes.length = Math.min(this.#hashes.length, count);
  }

  blankDirectPath(leafIndex: number): void {
    const start = nodeOfLeaf(leafIndex);
    for (const node of directPath(start, this.leafCount)) this.#nodes[node] = null;
    this.set(start, this.nodeAt(start));
  }

  /** Section 4.1.1: the least set of nodes that covers the subtree's members, left to right. */
  resolution(node: number): number[] {
    const value = this.nodeAt(node);
    if (value === null) return isLeaf(node) ? [] : [...this.resolution(left(node)), ...this.resolution(right(node))];
    return isLeaf(node) ? [node] : [node, ...(value as ParentNode).unmergedLeaves.map(nodeOfLeaf)];
  }

  /** Section 4.1.2: the direct path without the nodes whose copath child has an empty resolution. */
  filteredDirectPath(leafIndex: number): PathStep[] {
    const start = nodeOfLeaf(leafIndex);
    return directPath(start, this.leafCount)
      .map((node) => ({ node, copathChild: isInSubtree(start, left(node)) ? right(node) : left(node) }))
      .filter(({ copathChild }) => !this.#isBlankBelow(copathChild));
  }

  #isBlankBelow(node: number): boolean {
    const reach = (1 << level(node)) - 1;
    for (let at = node - reach; at <= node + reach; at += 2) if (this.nodeAt(at) !== null) return false;
    return true;
  }
}

const NODE_TYPES = { 1: 'leaf', 2: 'parent' } as const;

/** The `ratchet_tree` extension's content (section 12.4.3.3). */
export function writeRatchetTree(writer: TlsWriter, tree: RatchetTree): void {
  let count = nodeCount(tree.leafCount);
  while (count > 0 && tree.nodeAt(count - 1) === null) count--;
  const nodes = Array.from({ length: count }, (_, node) => node);
  writer.vector(nodes, (inner, node) => writeOptionalNode(inner, node, tree.nodeAt(node)));
}

/** `optional<Node>` of section 12.4.3.3. */
export function writeOptionalNode(writer: TlsWriter, node: number, value: TreeNode | null): void {
  if (value === null) writer.uint8(0);
  else if (isLeaf(node)) writeLeafNode(writer.uint8(1).uint8(1), value as LeafNode);
  else writeParentNode(writer.uint8(1).uint8(2), value as ParentNode);
}

/** @throws MlsError (`malformed`, `bad_tree`); what the nodes say is not checked here */
export function readRatchetTree(reader: TlsReader): RatchetTree {
  const nodes: (TreeNode | null)[] = [];
  reader.vector((inner) => nodes.push(readOptionalNode(inner, nodes.length)));
  verify(nodes.length > 0 && nodes.at(-1) !== null, 'bad_tree', 'The last node of the tree is blank.');
  const leafCount = fullLeafCount(leafOfNode(nodes.length) + (nodes.length % 2));
  verify(leafCount <= LEAF_COUNT_MAX, 'bad_tree', `A tree has at most ${LEAF_COUNT_MAX} leaves.`);
  while (nodes.length < nodeCount(leafCount)) nodes.push(null);
  return new RatchetTree(nodes);
}

export function readOptionalNode(reader: TlsReader, node: number): TreeNode | null {
  return reader.optional((inner) => {
    const type = readEnum(inner, NODE_TYPES, 'type of node');
    verify((type === 'leaf') === isLeaf(node), 'bad_tree', `Node ${node} is of the wrong type.`);
    return type === 'leaf' ? readLeafNode(inner) : readParentNode(inner);
  });
}
