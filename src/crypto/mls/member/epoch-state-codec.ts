import { readCapabilities, writeCapabilities } from '../capabilities.ts';
import { readCredential, writeCredential } from '../credential.ts';
import { readExtensions, writeExtensions } from '../extension.ts';
import { readPublicGroup, writePublicGroup } from '../public-group-codec.ts';
import type { SigningKeyPair } from '../../ed25519.ts';
import type { KemKeyPair } from '../../kem.ts';
import type { PublicGroup } from '../public-group.ts';
import type { RatchetTree } from '../ratchet-tree.ts';
import type { TlsReader } from '../tls-reader.ts';
import type { TlsWriter } from '../tls-writer.ts';
import type { ClientIdentity } from './client-identity.ts';
import type { EpochState, RetainedSecrets } from './epoch-state.ts';
import type { MemberSuite } from './primitives.ts';
import type { PrivateKeys } from './tree-kem.ts';

type KeyPair = SigningKeyPair | KemKeyPair;

/** An epoch's state without its tree, for durable records. Contains secrets. */
export function writeEpochState(writer: TlsWriter, state: EpochState): void {
  writePublicGroup(writer, state.group);
  writeIdentity(writer, state.identity);
  writer.uint32(state.ownLeaf);
  writeRetainedSecrets(writer, state.secrets);
  writePrivateKeys(writer, state.privateKeys);
  writer.vector(state.pendingUpdates, writeKeyPair);
}

export function readEpochState(
  reader: TlsReader,
  suite: MemberSuite,
  readTree: (leafCount: number) => RatchetTree,
): EpochState {
  const group: PublicGroup = readPublicGroup(reader, suite, readTree);
  return {
    group,
    identity: readIdentity(reader),
    ownLeaf: reader.uint32(),
    secrets: readRetainedSecrets(reader),
    privateKeys: readPrivateKeys(reader),
    pendingUpdates: reader.vector(readKeyPair),
  };
}

function writeIdentity(writer: TlsWriter, identity: ClientIdentity): void {
  writeKeyPair(writer, identity.signingKey);
  writeCredential(writer, identity.credential);
  writeCapabilities(writer, identity.capabilities);
  writeExtensions(writer, identity.leafExtensions);
}

function readIdentity(reader: TlsReader): ClientIdentity {
  return {
    signingKey: readKeyPair(reader),
    credential: readCredential(reader),
    capabilities: readCapabilities(reader),
    leafExtensions: readExtensions(reader),
  };
}

export function writeRetainedSecrets(writer: TlsWriter, secrets: RetainedSecrets): void {
  writer.opaque(secrets.senderDataSecret).opaque(secrets.exporterSecret).opaque(secrets.externalSecret);
  writer.opaque(secrets.confirmationKey).opaque(secrets.membershipKey).opaque(secrets.resumptionPsk);
  writer.opaque(secrets.epochAuthenticator).opaque(secrets.initSecret);
}

export function readRetainedSecrets(reader: TlsReader): RetainedSecrets {
  return {
    senderDataSecret: reader.opaque(),
    exporterSecret: reader.opaque(),
    externalSecret: reader.opaque(),
    confirmationKey: reader.opaque(),
    membershipKey: reader.opaque(),
    resumptionPsk: reader.opaque(),
    epochAuthenticator: reader.opaque(),
    initSecret: reader.opaque(),
  };
}

export function writePrivateKeys(writer: TlsWriter, keys: PrivateKeys): void {
  writer.vector(keys, (inner, [node, keyPair]) => writeKeyPair(inner.uint32(node), keyPair));
}

export function readPrivateKeys(reader: TlsReader): PrivateKeys {
  return new Map(reader.vector((inner) => [inner.uint32(), readKeyPair(inner)] as const));
}

function writeKeyPair(writer: TlsWriter, { publicKey, secretKey }: KeyPair): void {
  writer.opaque(publicKey).opaque(secretKey);
}

function readKeyPair(reader: TlsReader): KeyPair {
  return { publicKey: reader.opaque(), secretKey: reader.opaque() };
}
