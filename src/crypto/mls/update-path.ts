import { readLeafNode, writeLeafNode } from './leaf-node.ts';
import type { LeafNode } from './leaf-node.ts';
import type { TlsReader } from './tls-reader.ts';
import type { TlsWriter } from './tls-writer.ts';

/** RFC 9420 section 7.6. */
export interface HpkeCiphertext {
  readonly kemOutput: Uint8Array;
  readonly ciphertext: Uint8Array;
}

export interface UpdatePathNode {
  readonly encryptionKey: Uint8Array;
  /** One per node of the copath child's resolution, new leaves left out. */
  readonly encryptedPathSecrets: readonly HpkeCiphertext[];
}

/** The committer's new leaf and the nodes of its filtered direct path, lowest first. */
export interface UpdatePath {
  readonly leafNode: LeafNode;
  readonly nodes: readonly UpdatePathNode[];
}

export function writeHpkeCiphertext(writer: TlsWriter, { kemOutput, ciphertext }: HpkeCiphertext): void {
  writer.opaque(kemOutput).opaque(ciphertext);
}

export function readHpkeCiphertext(reader: TlsReader): HpkeCiphertext {
  return { kemOutput: reader.opaque(), ciphertext: reader.opaque() };
}

export function writeUpdatePath(writer: TlsWriter, path: UpdatePath): void {
  writeLeafNode(writer, path.leafNode);
  writer.vector(path.nodes, (inner, node) => {
    inner.opaque(node.encryptionKey).vector(node.encryptedPathSecrets, writeHpkeCiphertext);
  });
}

export function readUpdatePath(reader: TlsReader): UpdatePath {
  return {
    leafNode: readLeafNode(reader),
    nodes: reader.vector((inner) => ({
      encryptionKey: inner.opaque(),
      encryptedPathSecrets: inner.vector(readHpkeCiphertext),
    })),
  };
}
