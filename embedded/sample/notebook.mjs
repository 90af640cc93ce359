/** A notebook on the web: GET / shows the notes, GET /notes lists them, POST /notes adds one. */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const maxNoteBytes = 4_096;

export function openNotebook(folder) {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'notes.txt');
  return {
    list: () => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : []),
    add: (text) => appendFileSync(file, `${text.replace(/\s+/g, ' ').trim()}\n`),
  };
}

export function createNotebookServer(notebook) {
  return createServer((req, res) => {
    const answer = (status, type, body) =>
      res.writeHead(status, { 'content-type': `${type}; charset=utf-8` }).end(body);
    if (req.method === 'GET' && req.url === '/') return answer(200, 'text/html', page(notebook.list()));
    if (req.method === 'GET' && req.url === '/notes')
      return answer(200, 'application/json', JSON.stringify(notebook.list()));
    if (req.method !== 'POST' || req.url !== '/notes') return answer(404, 'text/plain', 'not here\n');
    let text = '';
    req.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
      if (text.length > maxNoteBytes) req.destroy();
    });
    req.on('end', () => {
      if (!text.trim()) return answer(400, 'text/plain', 'an empty note\n');
      notebook.add(text);
      answer(201, 'text/plain', 'noted\n');
    });
  });
}

function page(notes) {
  const safe = (text) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
  const name = safe(process.env.EASEL_ENVIRONMENT ?? 'this machine');
  const items = notes.map((note) => `<li>${safe(note)}</li>`).join('');
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Notebook</title>
<h1>Notebook in ${name}</h1><ul>${items}</ul>
<form onsubmit="fetch('/notes',{method:'POST',body:note.value}).then(()=>location.reload());return false">
<input id="note" aria-label="New note"> <button>Note it</button></form></html>`;
}

/** Listens on the first free port from `port` on: environments without isolation share the machine's ports. */
export function listen(server, port, tries = 100) {
  return new Promise((resolve, reject) => {
    server.once('error', (err) => {
      if (err.code === 'EADDRINUSE' && tries > 0) listen(server, port + 1, tries - 1).then(resolve, reject);
      else reject(err);
    });
    server.listen(port, '127.0.0.1', () => resolve(server.address().port));
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const server = createNotebookServer(openNotebook(fileURLToPath(new URL('data', import.meta.url))));
  const port = await listen(server, Number(process.env.PORT ?? 8080));
  console.log(`the notebook listens on http://127.0.0.1:${port}`);
}
