import { MlsError } from './error.ts';
import type { TlsReader } from './tls-reader.ts';
import type { TlsWriter } from './tls-writer.ts';

/** Who a member says to be (RFC 9420 section 5.3). Whether it is true, the application's `authenticate` decides. */
export type Credential =
  | { readonly type: 'basic'; readonly identity: Uint8Array }
  | { readonly type: 'x509'; readonly certificates: readonly Uint8Array[] };

/** The CredentialType registry (section 17.5). */
export const CREDENTIAL_TYPES = { basic: 1, x509: 2 } as const;

export function writeCredential(writer: TlsWriter, credential: Credential): void {
  writer.uint16(CREDENTIAL_TYPES[credential.type]);
  if (credential.type === 'basic') writer.opaque(credential.identity);
  else writer.vector(credential.certificates, (inner, certificate) => inner.opaque(certificate));
}

export function readCredential(reader: TlsReader): Credential {
  const type = reader.uint16();
  if (type === CREDENTIAL_TYPES.basic) return { type: 'basic', identity: reader.opaque() };
  if (type === CREDENTIAL_TYPES.x509) return { type: 'x509', certificates: reader.vector((inner) => inner.opaque()) };
  throw new MlsError('malformed', `Credentials of type ${type} are not supported.`);
}
