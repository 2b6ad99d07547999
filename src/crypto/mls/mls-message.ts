import { WIRE_FORMATS } from './authenticated-content.ts';
import { MLS_10 } from './cipher-suite.ts';
import { MlsError, verify } from './error.ts';
import { readGroupInfo, writeGroupInfo } from './group-info.ts';
import { readKeyPackage, writeKeyPackage } from './key-package.ts';
import { readPrivateMessage, writePrivateMessage } from './private-message.ts';
import { readPublicMessage, writePublicMessage } from './public-message.ts';
import { readWelcome, writeWelcome } from './welcome.ts';
import type { GroupInfo } from './group-info.ts';
import type { KeyPackage } from './key-package.ts';
import type { PrivateMessage } from './private-message.ts';
import type { PublicMessage } from './public-message.ts';
import type { TlsReader } from './tls-reader.ts';
import type { TlsWriter } from './tls-writer.ts';
import type { Welcome } from './welcome.ts';

/** Everything that travels (RFC 9420 section 6). */
export type MlsMessage =
  | { readonly format: 'public_message'; readonly message: PublicMessage }
  | { readonly format: 'private_message'; readonly message: PrivateMessage }
  | { readonly format: 'welcome'; readonly message: Welcome }
  | { readonly format: 'group_info'; readonly message: GroupInfo }
  | { readonly format: 'key_package'; readonly message: KeyPackage };

export function writeMlsMessage(writer: TlsWriter, message: MlsMessage): void {
  writer.uint16(MLS_10).uint16(WIRE_FORMATS[message.format]);
  switch (message.format) {
    case 'public_message':
      return writePublicMessage(writer, message.message);
    case 'private_message':
      return writePrivateMessage(writer, message.message);
    case 'welcome':
      return writeWelcome(writer, message.message);
    case 'group_info':
      return writeGroupInfo(writer, message.message);
    case 'key_package':
      return writeKeyPackage(writer, message.message);
  }
}

const READERS: Readonly<Record<number, (reader: TlsReader) => MlsMessage>> = {
  1: (reader) => ({ format: 'public_message', message: readPublicMessage(reader) }),
  2: (reader) => ({ format: 'private_message', message: readPrivateMessage(reader) }),
  3: (reader) => ({ format: 'welcome', message: readWelcome(reader) }),
  4: (reader) => ({ format: 'group_info', message: readGroupInfo(reader) }),
  5: (reader) => ({ format: 'key_package', message: readKeyPackage(reader) }),
};

export function readMlsMessage(reader: TlsReader): MlsMessage {
  verify(reader.uint16() === MLS_10, 'malformed', 'The message is of another protocol version.');
  const format = reader.uint16();
  const read = READERS[format];
  if (read === undefined) throw new MlsError('malformed', `There is no wire format ${format}.`);
  return read(reader);
}
