// Paints pictures with the project's networks, in ONNX Runtime, apart from the thread of the page.

const FOLDER = new URL('./', import.meta.url).href;
const LUMA = [0.299, 0.587, 0.114]; // of red, green and blue; ITU-R BT.601
const MOST_SESSIONS = 3; // of networks that stay loaded
const sessions = new Map(); // by file name of the network, the one used last at the end
let runtime; // promise of { ort, provider, note }

// Loads ONNX Runtime: with WebGPU if it is wanted and there is an adapter, which needs JavaScript Promise
// Integration too; otherwise for the processor alone.
async function loadRuntime(wanted, note = '') {
  const adapter = wanted !== 'wasm' && 'Suspending' in WebAssembly ? await navigator.gpu?.requestAdapter() : null;
  const isGpu = Boolean(adapter) && (wanted === 'webgpu' || !adapter.info.isFallbackAdapter);
  if (wanted === 'webgpu' && !isGpu) throw new Error('this browser has no WebGPU adapter');
  const ort = await import(`${FOLDER}${isGpu ? 'ort.jspi.min.mjs' : 'ort.wasm.min.mjs'}`);
  ort.env.wasm.wasmPaths = FOLDER;
  ort.env.wasm.numThreads = 1; // more would need a page that is isolated from other origins
  ort.env.logLevel = 'error';
  return { ort, provider: isGpu ? 'webgpu' : 'wasm', note };
}

// The session of a network; those that were not used for longest leave.
async function sessionOf(network) {
  const session = sessions.get(network) ?? (await openSession(await runtime, network));
  sessions.delete(network);
  sessions.set(network, session);
  const [oldest] = sessions.keys();
  if (sessions.size > MOST_SESSIONS) {
    await sessions.get(oldest).release();
    sessions.delete(oldest);
  }
  return session;
}

async function openSession({ ort, provider }, network) {
  const response = await fetch(FOLDER + network);
  if (!response.ok) throw new Error(`the server has no ${network}`);
  return ort.InferenceSession.create(new Uint8Array(await response.arrayBuffer()), {
    executionProviders: [provider],
    logSeverityLevel: 3, // it warns of nodes that belong on the processor
  });
}

// Input of a network: colors one after another, in [0, 1].
function toPlanes(pixels, count) {
  const planes = new Float32Array(3 * count);
  for (let i = 0, at = 0; i < count; i++, at += 4) {
    planes[i] = pixels[at] / 255;
    planes[count + i] = pixels[at + 1] / 255;
    planes[2 * count + i] = pixels[at + 2] / 255;
  }
  return planes;
}

// Writes the painting over the photo, mixed with it as `apply_strength` and `preserve_color` of
// stylecore/instant/blending.py do. Clamped arrays clip and round.
function mix(pixels, photo, painted, count, { strength, preserveColor }) {
  for (let i = 0, at = 0; i < count; i++, at += 4) {
    const g = count + i; // places of green and blue
    const b = 2 * count + i;
    let red = painted[i] - photo[i];
    let green = painted[g] - photo[g];
    let blue = painted[b] - photo[b];
    if (preserveColor) red = green = blue = LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue;
    pixels[at] = 255 * (photo[i] + strength * red);
    pixels[at + 1] = 255 * (photo[g] + strength * green);
    pixels[at + 2] = 255 * (photo[b] + strength * blue);
    pixels[at + 3] = 255;
  }
}

async function paint(request) {
  const { pixels, width, height, network, rows } = request;
  const started = performance.now();
  const { ort, provider, note } = await runtime;
  const session = await sessionOf(network);
  const count = width * height;
  const photo = toPlanes(pixels, count);
  const feed = { image: new ort.Tensor('float32', photo, [1, 3, height, width]) };
  if (rows.length) {
    // An imported network paints in one style, and takes the picture alone.
    feed.rows = new ort.Tensor('float32', rows, [1, rows.length]);
    feed.noise_origin = new ort.Tensor('int64', BigInt64Array.of(0n, 0n), [2]);
  }
  const { stylized } = await session.run(feed);
  mix(pixels, photo, await stylized.getData(), count, request);
  Object.values(feed).forEach((tensor) => tensor.dispose());
  stylized.dispose();
  return { pixels, width, height, provider, note, milliseconds: performance.now() - started };
}

// If the GPU fails, the processor paints, and the answers say why.
async function paintSomehow(request) {
  runtime ??= loadRuntime(request.wanted);
  try {
    return await paint(request);
  } catch (error) {
    const isGpu = (await runtime.catch(() => null))?.provider === 'webgpu';
    if (request.wanted !== 'auto' || !isGpu) throw error;
    sessions.clear();
    runtime = loadRuntime('wasm', `The GPU could not be used: ${error.message}`);
    return paint(request);
  }
}

let last = Promise.resolve(); // a session paints one picture at a time
self.onmessage = ({ data }) => {
  last = last.then(async () => {
    try {
      const answer = await paintSomehow(data);
      self.postMessage({ id: data.id, ...answer }, [answer.pixels.buffer]);
    } catch (error) {
      self.postMessage({ id: data.id, error: error.message });
    }
  });
};
