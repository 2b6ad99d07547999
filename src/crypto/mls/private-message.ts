import { CONTENT_TYPES, readContentType } from './framed-content.ts';
import { encode } from './tls-writer.ts';
import type { ContentType } from './framed-content.ts';
import type { TlsReader } from './tls-reader.ts';
import type { TlsWriter } from './tls-writer.ts';

/** Signed and encrypted (RFC 9420 section 6.3). */
export interface PrivateMessage {
  readonly groupId: Uint8Array;
  readonly epoch: bigint;
  readonly contentType: ContentType;
  readonly authenticatedData: Uint8Array;
  readonly encryptedSenderData: Uint8Array;
  readonly ciphertext: Uint8Array;
}

type Header = Pick<PrivateMessage, 'groupId' | 'epoch' | 'contentType'>;

function writeHeader(writer: TlsWriter, { groupId, epoch, contentType }: Header): void {
  writer.opaque(groupId).uint64(epoch).uint8(CONTENT_TYPES[contentType]);
}

export function writePrivateMessage(writer: TlsWriter, message: PrivateMessage): void {
  writeHeader(writer, message);
  writer.opaque(message.authenticatedData).opaque(message.encryptedSenderData).opaque(message.ciphertext);
}

export function readPrivateMessage(reader: TlsReader): PrivateMessage {
  return {
    groupId: reader.opaque(),
    epoch: reader.uint64(),
    contentType: readContentType(reader),
    authenticatedData: reader.opaque(),
    encryptedSenderData: reader.opaque(),
    ciphertext: reader.opaque(),
  };
}

/** SenderDataAAD (section 6.3.2). */
export const senderDataAad = (header: Header): Uint8Array => encode(writeHeader, header);

/** PrivateContentAAD (section 6.3.1). */
export function privateContentAad(header: Header & Pick<PrivateMessage, 'authenticatedData'>): Uint8Array {
  return encode((writer) => {
    writeHeader(writer, header);
    writer.opaque(header.authenticatedData);
  }, null);
}
