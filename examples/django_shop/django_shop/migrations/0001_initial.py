"""The first table."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Made by `makemigrations`; it runs on `default`, which is the writer, and is replicated."""

    initial = True
    dependencies = ()
    operations = (
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.UUIDField(unique=True)),
                ("product", models.CharField(max_length=40)),
                ("quantity", models.PositiveIntegerField()),
            ],
        ),
    )
