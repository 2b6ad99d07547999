import type { ClientStore } from '../../client/store.ts';

/**
 * A program of its own that uses a client's store, for tests that need several, or kill one.
 * `node store-child.ts MODULE FOLDER count N | pairs | hold`, where MODULE exports the `LevelStore`.
 */
const [module, folder, work, argument] = process.argv.slice(2);
const { LevelStore } = (await import(module!)) as { LevelStore: new (folder: string) => ClientStore };
const store = new LevelStore(folder!);
const textOf = (value: Uint8Array | undefined): string => new TextDecoder().decode(value);
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const say = (text: string): boolean => process.stdout.write(`${text}\n`);

switch (work as 'count' | 'pairs' | 'hold') {
  case 'count':
    for (let i = 0; i < Number(argument); i++) {
      await store.transaction(async (tx) => {
        const count = Number(textOf(await tx.get('count')) || 0);
        tx.put('count', bytesOf(String(count + 1)));
        tx.put(`by/${process.pid}/${String(i).padStart(6, '0')}`, bytesOf(String(count)));
      });
    }
    await store.close();
    break;
  case 'pairs':
    for (let i = 0; ; i++) {
      const value = bytesOf(String(i).repeat(500));
      await store.transaction(async (tx) => {
        tx.put(`a/${i}`, value);
        tx.put(`b/${i}`, value);
        tx.put('last', bytesOf(String(i)));
      });
      say(String(i));
    }
  case 'hold':
    await store.transaction(async (tx) => {
      tx.put('half', bytesOf('done'));
      await tx.list('');
      say('in');
      await new Promise((resolve) => setTimeout(resolve, 3_600_000));
    });
}
