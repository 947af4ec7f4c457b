// The page's side of `worker.mjs`.

// A module that uses 128-bit SIMD, which the runtime needs.
const SIMD_MODULE = Uint8Array.of(
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
);

export const LEAST_SIDE = 64; // px that every network takes, imported ones included

// Whether this browser can paint at all.
export function canPaint() {
  return typeof Worker === 'function' && typeof WebAssembly === 'object' && WebAssembly.validate(SIMD_MODULE);
}

// Float32 numbers that Python sent in base64.
export function readRows(text) {
  return new Float32Array(Uint8Array.from(atob(text), (character) => character.charCodeAt(0)).buffer);
}

export class Painter {
  // `wanted` is 'auto' (WebGPU where the browser has it, otherwise wasm), 'wasm' or 'webgpu'.
  constructor(wanted = 'auto') {
    this.wanted = wanted;
    this.waiting = new Map(); // by number of the request
    this.count = 0;
    this.worker = new Worker(new URL('./worker.mjs', import.meta.url), { type: 'module' });
    this.worker.onmessage = ({ data }) => {
      const { resolve, reject } = this.waiting.get(data.id);
      this.waiting.delete(data.id);
      if (data.error) reject(new Error(data.error));
      else resolve(data);
    };
    this.worker.onerror = (event) => {
      this.failure = new Error(event.message || 'the painting script cannot be loaded');
      this.waiting.forEach(({ reject }) => reject(this.failure));
      this.waiting.clear();
    };
  }

  // Paints `pixels`, a Uint8ClampedArray in RGBA order, which belongs to the painter afterwards.
  // Resolves to { pixels, width, height, provider, note, milliseconds }.
  paint(pixels, width, height, { network, rows, strength = 1, preserveColor = false }) {
    if (this.failure) return Promise.reject(this.failure);
    const id = ++this.count;
    const request = { id, pixels, width, height, network, rows, strength, preserveColor, wanted: this.wanted };
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage(request, [pixels.buffer]);
    });
  }

  close() {
    this.worker.terminate();
    this.waiting.clear();
  }
}
