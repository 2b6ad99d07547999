// `npm start`: everything a fresh machine needs, then the local cluster.
import { join } from 'node:path';
import { ensureBuilt, ensureInstalled, ensureNatsServer, failWith, ROOT } from './prepare.mjs';

try {
  ensureInstalled();
  ensureBuilt();
  await ensureNatsServer();
} catch (error) {
  failWith(error);
}
await import(join(ROOT, 'dist', 'src', 'cli', 'start.js'));
