import { verifyWithLabel } from './cipher-suite.ts';
import { readExtensions, writeExtensions } from './extension.ts';
import { readGroupContext, writeGroupContext } from './group-context.ts';
import { encode } from './tls-writer.ts';
import type { PublicSuite } from './cipher-suite.ts';
import type { Extension } from './extension.ts';
import type { GroupContext } from './group-context.ts';
import type { TlsReader } from './tls-reader.ts';
import type { TlsWriter } from './tls-writer.ts';

/** What a joiner must know of the group (RFC 9420 section 12.4.3). */
export interface GroupInfo {
  readonly groupContext: GroupContext;
  readonly extensions: readonly Extension[];
  readonly confirmationTag: Uint8Array;
  /** Leaf index of the member who signed. */
  readonly signer: number;
  readonly signature: Uint8Array;
}
export type UnsignedGroupInfo = Omit<GroupInfo, 'signature'>;

function writeUnsigned(writer: TlsWriter, info: UnsignedGroupInfo): void {
  writeGroupContext(writer, info.groupContext);
  writeExtensions(writer, info.extensions);
  writer.opaque(info.confirmationTag).uint32(info.signer);
}

export const groupInfoTbs = (info: UnsignedGroupInfo): Uint8Array => encode(writeUnsigned, info);

export function writeGroupInfo(writer: TlsWriter, info: GroupInfo): void {
  writeUnsigned(writer, info);
  writer.opaque(info.signature);
}

export function readGroupInfo(reader: TlsReader): GroupInfo {
  return {
    groupContext: readGroupContext(reader),
    extensions: readExtensions(reader),
    confirmationTag: reader.opaque(),
    signer: reader.uint32(),
    signature: reader.opaque(),
  };
}

export function hasValidGroupInfoSignature(suite: PublicSuite, info: GroupInfo, publicKey: Uint8Array): boolean {
  const { signature } = info;
  return verifyWithLabel(suite, { publicKey, label: 'GroupInfoTBS', content: groupInfoTbs(info), signature });
}
