import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fillStore } from '../../testing/store/fill-store.ts';
import { filesOf, flipBit, removeImage } from '../../testing/store/store-images.ts';
import { insistIntact, insistRepairing, makeTemporaryFolder, optionsFor } from '../../testing/store/temporary-store.ts';
import { waitUntil } from '../../testing/wait-until.ts';
import type { IntactStore } from './node-store.ts';
import { openNodeStore } from './open-node-store.ts';

/** A bit that goes bad while a node serves. */

let dir: string;
let fatal: Error[];
let said: string[];
beforeEach(async () => {
  dir = await makeTemporaryFolder();
  fatal = [];
  said = [];
  await fillStore(dir, { last: 40, compactTo: 20 });
});
afterEach(() => removeImage(dir));

async function open(scrubIntervalMs: number): Promise<IntactStore> {
  const logger = { ...optionsFor(dir).logger, info: (_: object, text: string) => said.push(text) };
  const options = { ...optionsFor(dir, { scrubIntervalMs }), logger, onFatal: (error: Error) => fatal.push(error) };
  return insistIntact(await openNodeStore(options));
}

/** In all of them: one may be about to be replaced by a compaction. */
async function flipIn(pattern: RegExp): Promise<void> {
  const tables = (await filesOf(dir)).filter(({ path }) => pattern.test(path));
  expect(tables).not.toEqual([]);
  for (const { path } of tables) await flipBit(join(dir, path), 8 * 50);
}

describe('the search for damage', () => {
  it.each([
    { part: 'state', table: /^state-\d+\/\d+\.ldb$/ },
    { part: 'log', table: /^log\/\d+\.ldb$/ },
  ])('finds a bit that flips in a table of the $part while the node serves, and ends it', async ({ part, table }) => {
    const store = await open(20);
    store.scrubber.start();
    await waitUntil(() => said.length > 0);
    // All that was read is in LevelDB's own caches: these do not hide it.
    expect(store.state.get('row/17')).toBeDefined();
    await flipIn(table);
    await waitUntil(() => fatal.length > 0);
    // The tables may have been read already: then the search for damaged rows meets it first.
    expect(fatal[0]!.message).toMatch(new RegExp(`^[Tt]he ${part} (of this node )?is damaged .*(checksum|sealed)`));
    await store.close();
    // The next start knows, and repairs it: a log by itself, a state with the help of others.
    const again = await openNodeStore(optionsFor(dir));
    if (part === 'log') insistIntact(again);
    else expect(insistRepairing(again).repair).toMatchObject({ part });
    expect((await readdir(dir)).filter((name) => name.endsWith('.damaged'))).toHaveLength(1);
    await again.close();
  });

  it('goes through everything again and again, beside writes, and says when it did', async () => {
    const store = await open(20);
    store.scrubber.start();
    for (let index = 41; index < 80; index += 1) {
      const transaction = store.state.begin();
      transaction.put(`late/${index}`, new Uint8Array(1000));
      transaction.commit({ index, term: 4, stampMs: 5000 + index } as never);
      await store.state.sync();
    }
    const passes = said.length;
    await waitUntil(() => said.length > passes + 2);
    expect(store.scrubber.verifiedAgoMs).toBeGreaterThanOrEqual(0);
    expect(fatal.map(String)).toEqual([]);
    await store.close();
  });

  it('takes no longer to stop than one step, however slow it is', async () => {
    const store = await open(3_600_000);
    store.scrubber.start();
    await store.close();
    expect(said).toEqual([]);
    expect(fatal.map(String)).toEqual([]);
  });

  it('is off at 0', async () => {
    const store = await open(0);
    store.scrubber.start();
    await flipIn(/^state-\d+\/\d+\.ldb$/);
    await store.close();
    expect(fatal.map(String)).toEqual([]);
  });
});
