import { CIPHER_SUITES, HYBRID_SUITE, MLS_10 } from './cipher-suite.ts';
import { CREDENTIAL_TYPES } from './credential.ts';
import type { TlsReader } from './tls-reader.ts';
import type { TlsWriter } from './tls-writer.ts';

/** What a client supports (RFC 9420 section 7.2): numbers of the registries, values unknown here included. */
export interface Capabilities {
  readonly versions: readonly number[];
  readonly cipherSuites: readonly number[];
  readonly extensions: readonly number[];
  readonly proposals: readonly number[];
  readonly credentials: readonly number[];
}

/** Of this engine, with no extension beyond the default ones, and without the hybrid suite. */
export const DEFAULT_CAPABILITIES: Capabilities = {
  versions: [MLS_10],
  cipherSuites: CIPHER_SUITES,
  extensions: [],
  proposals: [],
  credentials: [CREDENTIAL_TYPES.basic],
};

/** Of a client that takes part in groups with the hybrid suite too. */
export const HYBRID_CAPABILITIES: Capabilities = {
  ...DEFAULT_CAPABILITIES,
  cipherSuites: [...CIPHER_SUITES, HYBRID_SUITE],
};

export function writeCapabilities(writer: TlsWriter, capabilities: Capabilities): void {
  const { versions, cipherSuites, extensions, proposals, credentials } = capabilities;
  for (const list of [versions, cipherSuites, extensions, proposals, credentials]) writeNumbers(writer, list);
}

export function readCapabilities(reader: TlsReader): Capabilities {
  return {
    versions: readNumbers(reader),
    cipherSuites: readNumbers(reader),
    extensions: readNumbers(reader),
    proposals: readNumbers(reader),
    credentials: readNumbers(reader),
  };
}

export function writeNumbers(writer: TlsWriter, numbers: readonly number[]): void {
  writer.vector(numbers, (inner, value) => inner.uint16(value));
}

export function readNumbers(reader: TlsReader): number[] {
  return reader.vector((inner) => inner.uint16());
}
