import { createSecretKey } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { RowSeal, SEAL_BYTES } from '../../node/at-rest/row-seal.ts';
import { BLOB_CHUNK_BYTES } from '../../protocol/blobs.ts';
import { singleSeal } from '../store/test-keys.ts';

const KEY_BYTES = 32;

/** What the sealed file of a blob holds; undefined where it, or its list, is not all there. @param path of its data */
export function openedBlob(path: string, blob: string): Buffer | undefined {
  const listPath = path.replace(/\.data$/, '.list');
  if (!existsSync(listPath)) return undefined;
  const list = singleSeal().open(`list/${blob}`, readFileSync(listPath));
  if (list === undefined) return undefined;
  const key = createSecretKey(list.subarray(0, KEY_BYTES));
  const seal = new RowSeal({ take: () => ({ generation: 1, key }), of: () => key });
  const file = readFileSync(path);
  const chunks: Buffer[] = [];
  for (let at = 0; at < file.length; at += BLOB_CHUNK_BYTES + SEAL_BYTES) {
    const chunk = seal.open(`${blob}/${chunks.length}`, file.subarray(at, at + BLOB_CHUNK_BYTES + SEAL_BYTES));
    if (chunk === undefined) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
