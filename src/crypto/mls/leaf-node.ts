import { readCapabilities, writeCapabilities } from './capabilities.ts';
import { verifyWithLabel } from './cipher-suite.ts';
import { readCredential, writeCredential } from './credential.ts';
import { readExtensions, writeExtensions } from './extension.ts';
import { readEnum } from './tls-reader.ts';
import { encode } from './tls-writer.ts';
import type { Capabilities } from './capabilities.ts';
import type { PublicSuite } from './cipher-suite.ts';
import type { Credential } from './credential.ts';
import type { Extension } from './extension.ts';
import type { TlsReader } from './tls-reader.ts';
import type { TlsWriter } from './tls-writer.ts';

/** Seconds since 1970, both inclusive. */
export interface Lifetime {
  readonly notBefore: bigint;
  readonly notAfter: bigint;
}

/** How the leaf came into the tree (RFC 9420 section 7.2). */
export type LeafNodeSource =
  | { readonly type: 'key_package'; readonly lifetime: Lifetime }
  | { readonly type: 'update' }
  | { readonly type: 'commit'; readonly parentHash: Uint8Array };

/** One client's place in the tree, signed by that client (RFC 9420 section 7.2). */
export interface LeafNode {
  readonly encryptionKey: Uint8Array;
  readonly signatureKey: Uint8Array;
  readonly credential: Credential;
  readonly capabilities: Capabilities;
  readonly source: LeafNodeSource;
  readonly extensions: readonly Extension[];
  readonly signature: Uint8Array;
}
export type UnsignedLeafNode = Omit<LeafNode, 'signature'>;

/** Where a leaf of source `update` or `commit` belongs; its signature covers it. */
export interface LeafPlace {
  readonly groupId: Uint8Array;
  readonly leafIndex: number;
}

const SOURCES = { key_package: 1, update: 2, commit: 3 } as const;
const SOURCE_NAMES = { 1: 'key_package', 2: 'update', 3: 'commit' } as const;

function writeUnsigned(writer: TlsWriter, leaf: UnsignedLeafNode): void {
  writer.opaque(leaf.encryptionKey).opaque(leaf.signatureKey);
  writeCredential(writer, leaf.credential);
  writeCapabilities(writer, leaf.capabilities);
  writer.uint8(SOURCES[leaf.source.type]);
  if (leaf.source.type === 'key_package') {
    writer.uint64(leaf.source.lifetime.notBefore).uint64(leaf.source.lifetime.notAfter);
  }
  if (leaf.source.type === 'commit') writer.opaque(leaf.source.parentHash);
  writeExtensions(writer, leaf.extensions);
}

export function writeLeafNode(writer: TlsWriter, leaf: LeafNode): void {
  writeUnsigned(writer, leaf);
  writer.opaque(leaf.signature);
}

export function readLeafNode(reader: TlsReader): LeafNode {
  return {
    encryptionKey: reader.opaque(),
    signatureKey: reader.opaque(),
    credential: readCredential(reader),
    capabilities: readCapabilities(reader),
    source: readSource(reader),
    extensions: readExtensions(reader),
    signature: reader.opaque(),
  };
}

function readSource(reader: TlsReader): LeafNodeSource {
  const type = readEnum(reader, SOURCE_NAMES, 'leaf node source');
  if (type === 'key_package') return { type, lifetime: { notBefore: reader.uint64(), notAfter: reader.uint64() } };
  return type === 'update' ? { type } : { type, parentHash: reader.opaque() };
}

/** LeafNodeTBS (section 7.2). @param place ignored for the source `key_package` */
export function leafNodeTbs(leaf: UnsignedLeafNode, place: LeafPlace): Uint8Array {
  return encode((writer) => {
    writeUnsigned(writer, leaf);
    if (leaf.source.type !== 'key_package') writer.opaque(place.groupId).uint32(place.leafIndex);
  }, null);
}

export function hasValidLeafSignature(suite: PublicSuite, leaf: LeafNode, place: LeafPlace): boolean {
  const content = leafNodeTbs(leaf, place);
  return verifyWithLabel(suite, {
    publicKey: leaf.signatureKey,
    label: 'LeafNodeTBS',
    content,
    signature: leaf.signature,
  });
}
