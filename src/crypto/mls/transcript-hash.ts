import { WIRE_FORMATS } from './authenticated-content.ts';
import { writeFramedContent } from './framed-content.ts';
import { encode, TlsWriter } from './tls-writer.ts';
import type { AuthenticatedContent } from './authenticated-content.ts';
import type { PublicSuite } from './cipher-suite.ts';

type Hash = Pick<PublicSuite, 'hash'>;

/** RFC 9420 section 8.2: the transcript up to and including this commit's signature. */
export function confirmedTranscriptHash(
  suite: Hash,
  interimBefore: Uint8Array,
  {
    wireFormat,
    content,
    auth,
  }: Pick<AuthenticatedContent, 'wireFormat' | 'content'> & {
    readonly auth: { readonly signature: Uint8Array };
  },
): Uint8Array {
  const writer = new TlsWriter().raw(interimBefore).uint16(WIRE_FORMATS[wireFormat]);
  writeFramedContent(writer, content);
  return suite.hash(writer.opaque(auth.signature).finish());
}

/** RFC 9420 section 8.2: and its confirmation tag. */
export function interimTranscriptHash(suite: Hash, confirmed: Uint8Array, confirmationTag: Uint8Array): Uint8Array {
  return suite.hash(encode((writer) => writer.raw(confirmed).opaque(confirmationTag), null));
}
