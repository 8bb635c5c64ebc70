'use strict';
const element = id => document.getElementById(id);
const ms = number => `${number < 10 ? number.toFixed(2) : number.toFixed(0)} ms`;
let user = 1;
let timer = null;

function say(text) {
  const line = document.createElement('li');
  line.textContent = text;
  element('log').prepend(line);
  while (element('log').children.length > 8) element('log').lastChild.remove();
}

// Where the time went, as the server says it.
function parts(answer) {
  const found = {};
  for (const part of (answer.headers.get('Server-Timing') || '').split(', ')) {
    const [name, time] = part.split(';dur=');
    if (time !== undefined) found[name] = Number(time);
  }
  return found;
}

async function ask(method, path, body) {
  const answer = await fetch(path, { method, body, cache: 'no-store' });
  const text = await answer.text();
  if (!answer.ok) throw new Error(text.trim());
  return { answer, text };
}

async function access(id) {
  const { answer, text } = await ask('GET', '/users');
  const time = parts(answer);
  const read = (time.cache || 0) + (time.mysql || 0);
  element(id).textContent = ms(read);
  element(`${id}-mysql`).textContent = ms(time.mysql || 0);
  say(`GET /users: ${answer.headers.get('X-Cache')}, ${ms(read)} to read, ${ms(time.json || 0)} to write ` +
    `${JSON.parse(text).length.toLocaleString('en')} users as JSON`);
}

async function readUser() {
  const { answer, text } = await ask('GET', `/users/${user}`);
  const time = parts(answer);
  const read = (time.cache || 0) + (time.mysql || 0);
  say(`GET /users/${user}: ${answer.headers.get('X-Cache')}, ${ms(read)}: ${JSON.parse(text).username}`);
}

const actions = {
  'do-first': async () => {
    await ask('POST', '/expire').catch(error => say(error.message));
    await access('first');
  },
  'do-second': () => access('second'),
  read: readUser,
  write: async () => {
    const name = `Ann ${new Date().toISOString().slice(11, 23)}`;
    const body = JSON.stringify({ username: name, email: 'ann@mail.example' });
    await ask('POST', `/users/${user}`, body);
    say(`POST /users/${user}: mark, COMMIT, finish; the next read is a miss and gets ${name}`);
  },
  expire: async () => {
    await ask('POST', '/expire');
    say('The entry of all users is gone; the next access loads it.');
  },
  crowd: async () => {
    const found = JSON.parse((await ask('POST', '/crowd')).text);
    say(`${found.answered} of ${found.readers} readers of one absent entry were answered in ${ms(found.ms)}, with ` +
      `${found.mysql_reads} ${found.mysql_reads === 1 ? 'read' : 'reads'} of MySQL`);
  },
  load: async () => {
    const button = element('load');
    if (timer === null) {
      timer = setInterval(() => fetch(`/users/${1 + Math.floor(Math.random() * 20)}`).catch(() => {}), 50);
    } else {
      clearInterval(timer);
      timer = null;
    }
    button.setAttribute('aria-pressed', String(timer !== null));
    button.textContent = timer === null ? 'Read again and again' : 'Stop reading';
  },
  stop: async () => {
    await ask('POST', '/redis/stop');
    say('Redis is gone. Reads are answered from MySQL; writes are refused, since Redis cannot be told.');
  },
  start: async () => {
    await ask('POST', '/redis/start');
    say('Redis is back, and empty.');
  },
};

for (const [id, act] of Object.entries(actions)) {
  element(id).addEventListener('click', async () => {
    const button = element(id);
    button.disabled = true;
    try {
      await act();
    } catch (error) {
      say(error.message);
    }
    button.disabled = button.dataset.off === 'true';
  });
}

const samples = [];

function draw() {
  const most = Math.max(1, ...samples.flatMap(one => [one.hits, one.misses, one.mysql_reads]));
  const line = pick => samples.map((one, index) => {
    const x = (60 - samples.length + index) * 10;
    return `${index === 0 ? 'M' : 'L'}${x} ${(140 - pick(one) / most * 120).toFixed(1)}`;
  }).join('');
  element('line-hits').setAttribute('d', line(one => one.hits));
  element('line-misses').setAttribute('d', line(one => one.misses));
  element('line-mysql').setAttribute('d', line(one => one.mysql_reads));
  element('top').textContent = `${most.toLocaleString('en')} a second`;
  const last = samples[samples.length - 1];
  element('hits').textContent = last.hits.toLocaleString('en');
  element('misses').textContent = last.misses.toLocaleString('en');
  element('mysql').textContent = last.mysql_reads.toLocaleString('en');
  element('mean').textContent = last.mean_ms === null ? 'none' : ms(last.mean_ms);
  element('breaker').textContent = last.breaker_open ? 'The breaker is open: reads leave Redis alone.' : '';
}

const events = new EventSource('/events');
events.addEventListener('hello', event => {
  const reason = JSON.parse(event.data).redis;
  samples.length = 0;
  element('redis').textContent = reason === null ? '' : `Redis cannot be stopped here: ${reason}`;
  for (const id of ['stop', 'start']) {
    element(id).dataset.off = String(reason !== null);
    element(id).disabled = reason !== null;
  }
});
events.addEventListener('message', event => {
  samples.push(JSON.parse(event.data));
  if (samples.length > 60) samples.shift();
  draw();
});
