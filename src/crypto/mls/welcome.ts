import { readPreSharedKeyId, writePreSharedKeyId } from './psk.ts';
import { readHpkeCiphertext, writeHpkeCiphertext } from './update-path.ts';
import type { PreSharedKeyId } from './psk.ts';
import type { TlsReader } from './tls-reader.ts';
import type { TlsWriter } from './tls-writer.ts';
import type { HpkeCiphertext } from './update-path.ts';

/** RFC 9420 section 12.4.3.1. */
export interface EncryptedGroupSecrets {
  /** KeyPackageRef of the one who can open it. */
  readonly newMember: Uint8Array;
  readonly encryptedGroupSecrets: HpkeCiphertext;
}

export interface Welcome {
  readonly cipherSuite: number;
  readonly secrets: readonly EncryptedGroupSecrets[];
  readonly encryptedGroupInfo: Uint8Array;
}

/** What `encryptedGroupSecrets` holds. */
export interface GroupSecrets {
  readonly joinerSecret: Uint8Array;
  /** Of the lowest common ancestor of committer and new member; null when the commit had no path. */
  readonly pathSecret: Uint8Array | null;
  readonly psks: readonly PreSharedKeyId[];
}

export function writeWelcome(writer: TlsWriter, welcome: Welcome): void {
  writer.uint16(welcome.cipherSuite);
  writer.vector(welcome.secrets, (inner, { newMember, encryptedGroupSecrets }) => {
    writeHpkeCiphertext(inner.opaque(newMember), encryptedGroupSecrets);
  });
  writer.opaque(welcome.encryptedGroupInfo);
}

export function readWelcome(reader: TlsReader): Welcome {
  return {
    cipherSuite: reader.uint16(),
    secrets: reader.vector((inner) => ({
      newMember: inner.opaque(),
      encryptedGroupSecrets: readHpkeCiphertext(inner),
    })),
    encryptedGroupInfo: reader.opaque(),
  };
}

export function writeGroupSecrets(writer: TlsWriter, { joinerSecret, pathSecret, psks }: GroupSecrets): void {
  writer.opaque(joinerSecret);
  writer.optional(pathSecret, (inner, secret) => inner.opaque(secret));
  writer.vector(psks, writePreSharedKeyId);
}

export function readGroupSecrets(reader: TlsReader): GroupSecrets {
  return {
    joinerSecret: reader.opaque(),
    pathSecret: reader.optional((inner) => inner.opaque()),
    psks: reader.vector(readPreSharedKeyId),
  };
}
