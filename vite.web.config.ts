import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

/** The web app: `src/web` to `dist/web`, which every node serves at `/`. */
export default defineConfig({
  root: 'src/web',
  base: '/',
  publicDir: 'public',
  plugins: [svelte({ configFile: false })],
  // It loads the module for passwords when one is needed.
  worker: {
    format: 'es',
    rolldownOptions: {
      output: { entryFileNames: 'assets/[name]-[hash].js', chunkFileNames: 'assets/[name]-[hash].js' },
    },
  },
  build: {
    outDir: '../../dist/web',
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    rolldownOptions: {
      input: { app: 'src/web/index.html', worker: 'src/web/worker/service-worker.ts' },
      output: {
        // The worker is asked for by its name; everything else is named by its content, and cached for ever.
        entryFileNames: ({ name }) => (name === 'worker' ? 'service-worker.js' : 'assets/[name]-[hash].js'),
        chunkFileNames: 'assets/[name]-[hash].js',
        assetFileNames: 'assets/[name]-[hash][extname]',
      },
    },
  },
});
