import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { clientStoreContract } from '../../testing/contracts/client-store.contract.ts';
import { LevelStore } from './level-store.ts';

const folder = mkdtempSync(join(tmpdir(), 'parley-store-'));
let stores = 0;
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a store in a folder keeps the contract of clients’ stores', () => {
  const cases = clientStoreContract(() => {
    const path = join(folder, String(++stores));
    return Promise.resolve({ open: () => Promise.resolve(new LevelStore(path)) });
  });
  it.each(cases)('$name', async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});
