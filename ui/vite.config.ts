import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The files' names change with what they hold, so that browsers may keep them for good.
export default defineConfig({
  base: "/ui/",
  plugins: [react()],
  build: {
    outDir: "../src/wayfare/faces/web/assets",
    emptyOutDir: true,
    assetsDir: "files",
    assetsInlineLimit: 0,
    modulePreload: false,
    reportCompressedSize: false,
    target: "es2022",
  },
  // index.html names /ui/assets/…, which is where faces/web serves them.
  experimental: {
    renderBuiltUrl: (name) => `/ui/assets/${name.replace(/^files\//, "")}`,
  },
  server: { proxy: { "/api": "http://127.0.0.1:8000", "/ws": { target: "ws://127.0.0.1:8000", ws: true } } },
});
