import adapter from '@sveltejs/adapter-node';
import { sveltekit } from '@sveltejs/kit/vite';
import tailwindcss from '@tailwindcss/vite';
import { defineConfig } from 'vite';
import packageFile from './package.json' with { type: 'json' };

/** `vite dev` serves the pages and passes the rest to a running server. */
const server = process.env.EASEL_URL ?? 'http://127.0.0.1:7080';
const pass = { target: server, changeOrigin: true, headers: { origin: server } };

export default defineConfig(({ command }) => {
  // Whoever builds (a test, a supervisor) may have another word in its environment; what is built is for production.
  if (command === 'build') process.env.NODE_ENV = 'production';
  return {
    define: { EASEL_VERSION: JSON.stringify(packageFile.version) },
    plugins: [
      tailwindcss(),
      sveltekit({
        adapter: adapter({ precompress: true }),
        csp: {
          mode: 'nonce',
          directives: {
            'default-src': ['self'],
            'script-src': ['self'],
            // Menus, tooltips and charts are placed by style attributes, which have no nonce.
            'style-src': ['self', 'unsafe-inline'],
            'img-src': ['self', 'data:'],
            'font-src': ['self'],
            'connect-src': ['self'],
            'object-src': ['none'],
            'base-uri': ['self'],
            // The page that signs the easel command in posts to the command, which waits on the person's own machine.
            'form-action': ['self', 'http://127.0.0.1:*'],
            'frame-ancestors': ['none'],
          },
        },
      }),
    ],
    server: { proxy: { '/graphql': { ...pass, ws: true }, '/auth': pass } },
  };
});
