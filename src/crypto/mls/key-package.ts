import { refHash, verifyWithLabel } from './cipher-suite.ts';
import { readExtensions, writeExtensions } from './extension.ts';
import { readLeafNode, writeLeafNode } from './leaf-node.ts';
import { encode } from './tls-writer.ts';
import type { PublicSuite } from './cipher-suite.ts';
import type { Extension } from './extension.ts';
import type { LeafNode } from './leaf-node.ts';
import type { TlsReader } from './tls-reader.ts';
import type { TlsWriter } from './tls-writer.ts';

/** What a client publishes so that others can add it while it is away (RFC 9420 section 10). */
export interface KeyPackage {
  readonly version: number;
  readonly cipherSuite: number;
  readonly initKey: Uint8Array;
  readonly leafNode: LeafNode;
  readonly extensions: readonly Extension[];
  readonly signature: Uint8Array;
}
export type UnsignedKeyPackage = Omit<KeyPackage, 'signature'>;

export function keyPackageTbs(keyPackage: UnsignedKeyPackage): Uint8Array {
  return encode(writeUnsigned, keyPackage);
}

function writeUnsigned(writer: TlsWriter, keyPackage: UnsignedKeyPackage): void {
  writer.uint16(keyPackage.version).uint16(keyPackage.cipherSuite).opaque(keyPackage.initKey);
  writeLeafNode(writer, keyPackage.leafNode);
  writeExtensions(writer, keyPackage.extensions);
}

export function writeKeyPackage(writer: TlsWriter, keyPackage: KeyPackage): void {
  writeUnsigned(writer, keyPackage);
  writer.opaque(keyPackage.signature);
}

export function readKeyPackage(reader: TlsReader): KeyPackage {
  return {
    version: reader.uint16(),
    cipherSuite: reader.uint16(),
    initKey: reader.opaque(),
    leafNode: readLeafNode(reader),
    extensions: readExtensions(reader),
    signature: reader.opaque(),
  };
}

/** MakeKeyPackageRef (section 5.2). */
export function keyPackageRef(suite: Pick<PublicSuite, 'hash'>, keyPackage: KeyPackage): Uint8Array {
  return refHash(suite, 'MLS 1.0 KeyPackage Reference', encode(writeKeyPackage, keyPackage));
}

export function hasValidKeyPackageSignature(suite: PublicSuite, keyPackage: KeyPackage): boolean {
  const { signature, leafNode } = keyPackage;
  const content = keyPackageTbs(keyPackage);
  return verifyWithLabel(suite, { publicKey: leafNode.signatureKey, label: 'KeyPackageTBS', content, signature });
}
