import { clientStoreContract } from '../../testing/contracts/client-store.contract.ts';
import { openDatabase } from '../platform/database.ts';
import { IndexedSpool } from '../platform/indexed-spool.ts';
import { IndexedStore } from '../platform/indexed-store.ts';

/** Runs in a page of a browser; see `test/web-platform.test.ts`. @returns of each promise that does not hold, why */
async function runContract(): Promise<string[]> {
  let stores = 0;
  const cases = clientStoreContract(async () => {
    const name = `contract-${++stores}`;
    return { open: async () => new IndexedStore(await openDatabase(name)) };
  });
  const failures: string[] = [];
  for (const { name, run } of [...cases, { name: 'spools', run: spools }, { name: 'seals', run: seals }]) {
    await run().catch((error: unknown) => failures.push(`${name}: ${String(error)}`));
  }
  return [`${cases.length + 2} cases`, ...failures];
}

/** Files are read across their pieces, and not before they are finished. */
async function spools(): Promise<void> {
  const spool = new IndexedSpool(await openDatabase('contract-spool'));
  const writer = await spool.create('a');
  await writer.write(Uint8Array.of(1, 2, 3));
  await writer.write(Uint8Array.of(4, 5));
  if ((await codeOf(spool.read('a', 0, 1))) !== 'file_unreadable') throw new Error('It was read before its end.');
  await writer.finish();
  const read = [...(await spool.read('a', 1, 4)), ...(await spool.read('a', 4, 1))].join();
  if (read !== '2,3,4,5,5') throw new Error(`It holds ${read}.`);
  if ((await codeOf(spool.read('a', 4, 2))) !== 'file_unreadable') throw new Error('It was read beyond its end.');
  await spool.remove('a');
  if ((await spool.list()).length > 0) throw new Error('It was not removed.');
}

/** What lies in the database is not what was put, and is refused under another key. */
async function seals(): Promise<void> {
  const database = await openDatabase('contract-seals');
  const store = new IndexedStore(database);
  await store.transaction(async (tx) => tx.put('here', new TextEncoder().encode('a secret text')));
  const rows = database.db.transaction('rows', 'readwrite').objectStore('rows');
  const sealed = await new Promise<Uint8Array>((resolve) => {
    const request = rows.get('here') as IDBRequest<Uint8Array>;
    request.addEventListener('success', () => resolve(request.result));
  });
  if (new TextDecoder().decode(sealed).includes('secret')) throw new Error('It lies there in clear.');
  rows.put(sealed, 'there');
  if ((await codeOf(store.transaction((tx) => tx.get('there')))) !== 'home_damaged') throw new Error('It was taken.');
}

function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'none',
    (error: unknown) => String((error as { code?: unknown }).code),
  );
}

Object.assign(globalThis, { runContract });
