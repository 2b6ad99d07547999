import { MlsError } from './error.ts';

/**
 * Array-based trees (RFC 9420 appendix C). The leaves of a full binary tree are the even node indices, in order; a
 * parent stands between its subtrees. `leafCount` is always a power of two.
 */

/** A bound on memory, not of the protocol: four million leaves. */
export const LEAF_COUNT_MAX = 1 << 22;

export const nodeOfLeaf = (leaf: number): number => leaf * 2;
export const leafOfNode = (node: number): number => node >>> 1;
export const isLeaf = (node: number): boolean => (node & 1) === 0;

/** The height of a node: 0 for leaves. */
export function level(node: number): number {
  return 31 - Math.clz32((node + 1) & ~node);
}

export const nodeCount = (leafCount: number): number => leafCount * 2 - 1;
export const root = (leafCount: number): number => leafCount - 1;

/** @throws MlsError (`bad_state`) for a leaf */
export function left(node: number): number {
  return node ^ (1 << (parentLevel(node) - 1));
}

/** @throws MlsError (`bad_state`) for a leaf */
export function right(node: number): number {
  return node ^ (3 << (parentLevel(node) - 1));
}

/** @throws MlsError (`bad_state`) for the root */
export function parent(node: number, leafCount: number): number {
  if (node === root(leafCount)) throw new MlsError('bad_state', 'The root has no parent.');
  const height = level(node);
  return (node | (1 << height)) & ~(1 << (height + 1));
}

/** @throws MlsError (`bad_state`) for the root */
export function sibling(node: number, leafCount: number): number {
  const above = parent(node, leafCount);
  return node < above ? right(above) : left(above);
}

/** The parents above a node, the lowest first, the root last. @throws MlsError (`bad_state`) for a node outside the tree */
export function directPath(node: number, leafCount: number): number[] {
  if (node >= nodeCount(leafCount)) throw new MlsError('bad_state', `The tree has no node ${node}.`);
  const path: number[] = [];
  for (let at = node; at !== root(leafCount);) path.push((at = parent(at, leafCount)));
  return path;
}

/** Whether `node` is `ancestor` or below it. */
export function isInSubtree(node: number, ancestor: number): boolean {
  const reach = (1 << level(ancestor)) - 1;
  return node >= ancestor - reach && node <= ancestor + reach;
}

/** The lowest node that is above both leaves; the leaf itself when they are the same. */
export function commonAncestor(leafA: number, leafB: number): number {
  const [a, b] = [nodeOfLeaf(leafA), nodeOfLeaf(leafB)];
  if (a === b) return a;
  const height = 32 - Math.clz32(a ^ b);
  return ((a >>> height) << height) + (1 << (height - 1)) - 1;
}

/** The least power of two that is not less than `count`. */
export function fullLeafCount(count: number): number {
  return count <= 1 ? 1 : 1 << (32 - Math.clz32(count - 1));
}

function parentLevel(node: number): number {
  const height = level(node);
  if (height === 0) throw new MlsError('bad_state', 'A leaf has no children.');
  return height;
}
