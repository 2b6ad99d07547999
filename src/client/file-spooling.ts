import { FILE_CHUNK_BYTES, FILE_KEY_BYTES, nobleFileCipher, sealFileChunk } from '../crypto/file-cipher.ts';
import { BLOB_BYTES_MAX, blobIdOf } from '../protocol/blobs.ts';
import { ParleyError } from '../protocol/errors.ts';
import { piecesOf } from './pieces.ts';
import { spoolOf } from './uploads.ts';
import type { ClientContext } from './context.ts';
import type { Upload } from './rows.ts';

export interface SpooledFile {
  readonly upload: Upload;
  readonly key: Uint8Array;
  /** Of the plaintext. */
  readonly sha256: Uint8Array;
  readonly sizeBytes: number;
}

/**
 * Encrypts a file under a key of its own into the spool. From then on what is sent is what was there now, whatever
 * becomes of the file, and every attempt sends the same bytes.
 *
 * @param onSealed told how many bytes were read
 */
export async function spoolFile(
  context: ClientContext,
  source: AsyncIterable<Uint8Array>,
  onSealed: (readBytes: number) => void,
): Promise<SpooledFile> {
  const { random, fileCipher = nobleFileCipher } = context.platform;
  const key = random(FILE_KEY_BYTES);
  const spool = context.newTxnId();
  const writer = await spoolOf(context).create(spool);
  const [plain, hashes] = [fileCipher.sha256(), [] as Uint8Array[]];
  let [sizeBytes, sealedBytes] = [0, 0];
  try {
    for await (const { bytes, isLast } of piecesOf(source, FILE_CHUNK_BYTES)) {
      const sealed = sealFileChunk(fileCipher, key, { index: hashes.length, isLast }, bytes);
      const hash = fileCipher.sha256();
      hash.update(sealed);
      hashes.push(hash.digest());
      plain.update(bytes);
      sizeBytes += bytes.length;
      sealedBytes += sealed.length;
      if (sealedBytes > BLOB_BYTES_MAX) throw new ParleyError('file_too_large');
      await writer.write(sealed);
      onSealed(sizeBytes);
    }
    await writer.finish();
  } catch (error) {
    await writer.abort();
    throw error;
  }
  const list = new Uint8Array(hashes.length * hashes[0]!.length);
  hashes.forEach((hash, i) => list.set(hash, i * hash.length));
  const upload = { blob: blobIdOf(sealedBytes, list), spool, sizeBytes: sealedBytes, hashes: list };
  return { upload, key, sha256: Uint8Array.from(plain.digest()), sizeBytes };
}
