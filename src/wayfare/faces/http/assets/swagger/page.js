// Draws the description that the page names. No validator, and nothing from elsewhere.
SwaggerUIBundle({
  url: document.body.dataset.description,
  dom_id: "#description",
  deepLinking: true,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
});
