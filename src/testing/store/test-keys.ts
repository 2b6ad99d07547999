import assert from 'node:assert/strict';
import { createSecretKey } from 'node:crypto';
import { DataKeys, partKeyOf } from '../../node/at-rest/data-keys.ts';
import { readKeyFile } from '../../node/at-rest/key-file.ts';
import { RowSeal, type SealedPart } from '../../node/at-rest/row-seal.ts';
import { WrappingKey } from '../../node/at-rest/wrapping-key.ts';

/** Anybody's: for directories that hold nothing. */
export const TEST_WRAPPING_KEY = new WrappingKey(Buffer.alloc(32, 'test'));

/** The keys of a directory, made where there are none. */
export async function openTestKeys(dir: string): Promise<DataKeys> {
  const onFatal = (error: Error): never => {
    throw error;
  };
  const options = { dir, wrapping: TEST_WRAPPING_KEY, wallMs: () => 1_000, onFatal };
  return DataKeys.open(options, await readKeyFile(dir, TEST_WRAPPING_KEY));
}

/** Opens what a node has sealed, without changing anything in its directory. */
export async function sealOfFiles(dir: string, part: SealedPart, wrapping = TEST_WRAPPING_KEY): Promise<RowSeal> {
  const content = await readKeyFile(dir, wrapping);
  assert(content !== undefined, 'there are no keys');
  const keys = new Map(content.generations.map(({ number, secret }) => [number, partKeyOf(secret, part)]));
  const generation = content.generations.at(-1)!.number;
  return new RowSeal({ take: () => ({ generation, key: keys.get(generation)! }), of: (number) => keys.get(number) });
}

/** A seal of one key, for what needs no directory. */
export function singleSeal(): RowSeal {
  const key = createSecretKey(Buffer.alloc(32, 1));
  return new RowSeal({ take: () => ({ generation: 1, key }), of: (number) => (number === 1 ? key : undefined) });
}
