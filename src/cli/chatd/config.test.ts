import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readChatdConfig } from './config.ts';
import { ParleyError } from '../../protocol/errors.ts';

const flags = {
  id: 'n1',
  peers: 'n2=127.0.0.1:8282,n1=127.0.0.1:8281',
  data: '/var/lib/parley',
  'cluster-secret-file': 'secret',
};

describe('readChatdConfig', () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'chatd-config-'));
  });
  afterAll(() => rmSync(dir, { recursive: true }));

  it('fills in defaults and sorts the peers', () => {
    const config = readChatdConfig(flags, {});
    expect([...config.peers.keys()]).toEqual(['n1', 'n2']);
    expect(config.registration).toBe('invite');
    expect(config.advertiseUrl).toBe('http://127.0.0.1:8081');
  });

  it('takes flags before environment before file', () => {
    const file = join(dir, 'chatd.toml');
    writeFileSync(
      file,
      'api = "127.0.0.1:1"\nnats-port = 2\nregistration = "closed"\norigin = ["https://a.example"]\n',
    );
    const config = readChatdConfig({ ...flags, config: file, api: '127.0.0.1:3' }, { CHATD_NATS_PORT: '4' });
    expect(config.api.port).toBe(3);
    expect(config.natsPort).toBe(4);
    expect(config.registration).toBe('closed');
    expect(config.origins).toEqual(['https://a.example']);
  });

  it.each([
    [{ id: 'N 1' }, 'node name'],
    [{ id: 'n9' }, 'does not list'],
    [{ peers: 'n1' }, 'NAME=HOST:PORT'],
    [{ peers: 'n1=127.0.0.1:1,n1=127.0.0.1:2' }, 'twice'],
    [{ api: '127.0.0.1' }, 'HOST:PORT'],
    [{ api: '127.0.0.1:99999' }, 'no port'],
    [{ 'scrub-hours': 'daily' }, 'no number of hours'],
    [{ 'scrub-hours': '-1' }, 'no number of hours'],
    [{ 'log-hours': '0' }, 'within a day'],
    [{ 'log-hours': '23' }, 'within a day'],
    [{ api: '0.0.0.0:80' }, 'not loopback'],
    [{ advertise: 'ftp://x' }, 'http or https'],
    [{ 'tls-cert': 'a' }, 'belong together'],
    [{ data: '' }, '--data is missing'],
    [{ config: '/nonexistent.toml' }, 'cannot be read'],
  ])('refuses %j in one sentence', (wrong, part) => {
    const attempt = (): unknown => readChatdConfig({ ...flags, ...wrong }, {});
    expect(attempt).toThrow(ParleyError);
    expect(attempt).toThrow(part);
  });

  it('permits plain HTTP off loopback only when told so', () => {
    expect(readChatdConfig({ ...flags, api: '0.0.0.0:80', 'insecure-http': true }, {}).api.host).toBe('0.0.0.0');
  });
});
