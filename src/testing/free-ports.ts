import { createServer, type AddressInfo } from 'node:net';

/** Ports of the loopback that nobody uses right now, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    ports.push((server.address() as AddressInfo).port);
  }
  for (const server of servers) {
    await new Promise((resolve) => {
      server.close(resolve);
    });
  }
  return ports;
}
