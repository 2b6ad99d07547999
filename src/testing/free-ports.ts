import { createServer } from 'node:net';

/**
 * Below the range from which systems take the ports of outgoing connections, and each process in a stretch of its
 * own: between a test's choice and its use of a port nobody else gets it.
 */
const FIRST = 20_000;
const STRETCH = 200;
const STRETCHES = 60;

let next = 0;

/** Ports of the loopback that nobody uses right now, never the same twice in one process until all were given. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  for (let tries = 0; ports.length < count; tries += 1) {
    if (tries > STRETCH) throw new Error('no free ports are left for this process');
    const port = FIRST + (process.pid % STRETCHES) * STRETCH + (next % STRETCH);
    next += 1;
    if (await isFree(port)) ports.push(port);
  }
  return ports;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
    return true;
  } catch {
    return false;
  } finally {
    await new Promise((resolve) => {
      server.close(resolve);
    });
  }
}
