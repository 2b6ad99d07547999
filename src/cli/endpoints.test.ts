import { expect, it } from 'vitest';
import { parseEndpoints } from './endpoints.ts';

it('reads origins in the given order', () => {
  expect(parseEndpoints('http://127.0.0.1:8081, https://chat.example/,http://[::1]:80')).toEqual([
    'http://127.0.0.1:8081',
    'https://chat.example',
    'http://[::1]',
  ]);
});

it.each([
  '',
  ',',
  'http://a,',
  '127.0.0.1:8081',
  'ws://127.0.0.1:8081',
  'file:///etc/passwd',
  'http://',
  'https://chat.example/path',
  'https://chat.example/?a=b',
  'https://chat.example/#a',
  'https://user:secret@chat.example',
])('refuses “%s”', (text) => {
  expect(() => parseEndpoints(text)).toThrow(expect.objectContaining({ code: 'usage', exitCode: 2 }));
});
