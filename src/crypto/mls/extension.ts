import { readNumbers, writeNumbers } from './capabilities.ts';
import { readCredential, writeCredential } from './credential.ts';
import { verify } from './error.ts';
import { decode } from './tls-reader.ts';
import { encode } from './tls-writer.ts';
import type { Credential } from './credential.ts';
import type { Decoder, TlsReader } from './tls-reader.ts';
import type { TlsWriter } from './tls-writer.ts';

/** RFC 9420 sections 7.2 and 13.4. */
export interface Extension {
  readonly type: number;
  readonly data: Uint8Array;
}

/** The ExtensionType registry (section 17.3). */
export const EXTENSION_TYPES = {
  applicationId: 1,
  ratchetTree: 2,
  requiredCapabilities: 3,
  externalPub: 4,
  externalSenders: 5,
} as const;

const DEFAULT_TYPES: readonly number[] = Object.values(EXTENSION_TYPES);

/** Default extensions need not be listed in capabilities. */
export const isDefaultExtension = (type: number): boolean => DEFAULT_TYPES.includes(type);

export function writeExtensions(writer: TlsWriter, extensions: readonly Extension[]): void {
  writer.vector(extensions, (inner, { type, data }) => inner.uint16(type).opaque(data));
}

/** @throws MlsError (`malformed`) when a type is there twice (section 13.4) */
export function readExtensions(reader: TlsReader): Extension[] {
  const extensions = reader.vector((inner): Extension => ({ type: inner.uint16(), data: inner.opaque() }));
  const types = new Set(extensions.map(({ type }) => type));
  verify(types.size === extensions.length, 'malformed', 'An extension is there twice.');
  return extensions;
}

/** RequiredCapabilities (section 11.1). */
export interface RequiredCapabilities {
  readonly extensions: readonly number[];
  readonly proposals: readonly number[];
  readonly credentials: readonly number[];
}

export function requiredCapabilitiesExtension(required: RequiredCapabilities): Extension {
  const data = encode((writer) => {
    for (const list of [required.extensions, required.proposals, required.credentials]) writeNumbers(writer, list);
  }, null);
  return { type: EXTENSION_TYPES.requiredCapabilities, data };
}

export function requiredCapabilitiesOf(extensions: readonly Extension[]): RequiredCapabilities | null {
  return find(extensions, EXTENSION_TYPES.requiredCapabilities, (reader) => ({
    extensions: readNumbers(reader),
    proposals: readNumbers(reader),
    credentials: readNumbers(reader),
  }));
}

/** Who may send proposals from outside the group (section 12.1.8.1). */
export interface ExternalSender {
  readonly signatureKey: Uint8Array;
  readonly credential: Credential;
}

export function externalSendersExtension(senders: readonly ExternalSender[]): Extension {
  const data = encode((writer) => {
    writer.vector(senders, (inner, sender) => writeCredential(inner.opaque(sender.signatureKey), sender.credential));
  }, null);
  return { type: EXTENSION_TYPES.externalSenders, data };
}

export function externalSendersOf(extensions: readonly Extension[]): readonly ExternalSender[] {
  const read = (reader: TlsReader): ExternalSender[] =>
    reader.vector((inner) => ({ signatureKey: inner.opaque(), credential: readCredential(inner) }));
  return find(extensions, EXTENSION_TYPES.externalSenders, read) ?? [];
}

/** ExternalPub (section 12.4.3.2): the public key that external commits encrypt to. */
export function externalPubExtension(externalPub: Uint8Array): Extension {
  return { type: EXTENSION_TYPES.externalPub, data: encode((writer) => writer.opaque(externalPub), null) };
}

export function externalPubOf(extensions: readonly Extension[]): Uint8Array | null {
  return find(extensions, EXTENSION_TYPES.externalPub, (reader) => reader.opaque());
}

function find<T>(extensions: readonly Extension[], type: number, read: Decoder<T>): T | null {
  const extension = extensions.find((candidate) => candidate.type === type);
  return extension === undefined ? null : decode(read, extension.data);
}

/** Throws where an extension that this engine understands is malformed. */
export function checkKnownExtensions(extensions: readonly Extension[]): void {
  requiredCapabilitiesOf(extensions);
  externalSendersOf(extensions);
}
