"""A company's CRM: standard modules, a sub-form, a wide custom module, an empty one; text that tools like to spoil."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from wayfare.systems.databases.zoho.testcrm import Module, Organisation

BASE = 5_725_767_000_000_000_000  # Zoho's ids have 19 digits: a float would round them
LEADS, ACCOUNTS, CONTACTS, DEALS, PROJECTS, WIDE, TASKS = 2_450, 40, 90, 60, 230, 70, 11
TEXT = "tab\tnl\ncr\r back\\slash \"dq\" 'sq' , ; \\N €ñ漢字🙂 e\u0301 \u200d"
LONG = "Ünïcödé 漢字 🙂 " * 3_000
EPOCH = dt.datetime(2024, 1, 1, 10, 0, tzinfo=dt.timezone(dt.timedelta(hours=5, minutes=30)))


def moment(minutes: int) -> str:
    return (EPOCH + dt.timedelta(minutes=minutes)).isoformat()


def meta(name: str, kind: str = "text", length: int | None = 255, json_type: str = "string", **more: Any) -> dict:
    label = name.replace("_", " ")
    return {
        "api_name": name,
        "display_label": label,
        "data_type": kind,
        "json_type": json_type,
        "length": length,
        **more,
    }


def lookup(name: str, module: str) -> dict:
    return meta(name, "lookup", 120, "jsonobject", lookup={"module": {"api_name": module, "id": "1"}})


def money(name: str, decimals: int = 2) -> dict:
    return meta(name, "currency", 16, "double", decimal_place=decimals, currency={"precision": decimals})


SYSTEM_FIELDS = (
    meta("Owner", "ownerlookup", 120, "jsonobject"),
    meta("Created_Time", "datetime", 120, read_only=True),
    meta("Modified_Time", "datetime", 120, read_only=True),
    meta("Tag", "text", 2000, "jsonarray"),
)


def identity(module: int, number: int) -> str:
    return str(BASE + module * 1_000_000 + number)


def user(number: int, status: str = "active") -> dict:
    name = f"Usér {number} 🙂"
    return {
        "id": identity(0, number),
        "full_name": name,
        "first_name": "Usér",
        "last_name": f"{number} 🙂",
        "email": f"user{number}@example.com",
        "status": status,
        "role": {"name": "CEO", "id": identity(0, 900)},
        "profile": {"name": "Administrator", "id": identity(0, 901)},
        "created_time": moment(number),
        "Modified_Time": moment(number),
        "time_zone": "Asia/Kolkata",
    }


def system(number: int) -> dict:
    owner = user(number % 3)
    return {
        "Owner": {"id": owner["id"], "name": owner["full_name"], "email": owner["email"]},
        "Created_Time": moment(0),
        "Modified_Time": moment(number),
        "Tag": [{"name": "hot", "id": "1", "color_code": "#FF0000"}] if number % 5 == 0 else [],
    }


def leads() -> Module:
    fields = [
        meta("Last_Name", length=80, display_field=True),
        meta("Full_Name", length=80, virtual_field=True),  # Zoho puts it together, longer than it says
        meta("Email", "email", 100),
        meta("Website", "website", 450),
        meta("Phone", "phone", 30),
        meta("Lead_Source", "picklist", 120),
        meta("Topics", "multiselectpicklist", 2000, "jsonarray"),
        meta("Email_Opt_Out", "boolean", None, "boolean"),
        meta("No_of_Employees", "integer", 9, "integer"),
        meta("Serial", "bigint", 18, "string"),
        money("Annual_Revenue"),
        meta("Score", "double", 16, "double", decimal_place=4),
        meta("Chance", "percent", 5, "double", decimal_place=2),
        meta("Weight", "formula", 120, "double", formula={"return_type": "double", "expression": "1/3"}),
        meta("Born", "date", 20),
        meta("Description", "textarea", 32_000),
        meta("Photo", "imageupload", 255, "jsonarray"),
        *SYSTEM_FIELDS,
    ]
    module = Module("Leads", "Leads", fields)
    for n in range(1, LEADS + 1):
        module.add(lead(n))
    return module


def lead(n: int) -> dict:
    none = n % 7 == 0
    return {
        "id": identity(1, n),
        "Last_Name": f"Ö'Brien {n} {'🙂' * 5}",
        "Full_Name": f"Dr. {'x' * 90} {n}",
        "Email": None if none else f"lead{n}@example.com",
        "Website": f"https://example.com/{n}?q=ä&r=1",
        "Phone": "+91 98765 43210",
        "Lead_Source": "Cold Call" if n % 2 else None,
        "Topics": ["A, B", "C"] if n % 3 else None,
        "Email_Opt_Out": n % 4 == 0,
        "No_of_Employees": None if none else n,
        "Serial": str(2**53 + n),
        "Annual_Revenue": None if none else Decimal(f"{n}234567890.{n % 100:02d}"),
        "Score": Decimal("0.0001") * n,
        "Chance": Decimal("99.95"),
        "Weight": n / 3,
        "Born": None if none else "1969-12-31",
        "Description": TEXT if n % 10 else LONG if n == 10 else None,
        "Photo": [{"id": f"f{n}", "Size__s": 12, "name": "ä.png"}] if n % 50 == 0 else None,
        "_converted": n % 100 == 0,
        "_unapproved": n % 99 == 0,
        **system(n),
    }


def accounts() -> Module:
    fields = [meta("Account_Name", length=200, display_field=True), lookup("Parent_Account", "Accounts")]
    module = Module("Accounts", "Accounts", [*fields, *SYSTEM_FIELDS])
    for n in range(1, ACCOUNTS + 1):
        parent = {"id": identity(2, n - 1), "name": account_name(n - 1)} if n % 4 == 0 else None
        record = {"id": identity(2, n), "Account_Name": account_name(n), "Parent_Account": parent}
        module.add({**record, **system(n)})
    return module


def account_name(n: int) -> str:
    return f'Ünïted "{n}" 漢字, Ltd.'


def contacts() -> Module:
    fields = [meta("Last_Name", length=80, display_field=True), lookup("Account_Name", "Accounts")]
    fields += [meta("Account_Name_name", length=40), lookup("Reporting_To", "Contacts"), *SYSTEM_FIELDS]
    module = Module("Contacts", "Contacts", fields)
    for n in range(1, CONTACTS + 1):
        account = n % ACCOUNTS + 1
        record = {
            "id": identity(3, n),
            "Last_Name": f"Contact {n}",
            "Account_Name": {"id": identity(2, account), "name": account_name(account)},
            "Account_Name_name": "a field of its own",
            "Reporting_To": {"id": identity(3, 1), "name": "Contact 1"} if n > 1 else None,
        }
        module.add({**record, **system(n)})
    return module


def deals() -> tuple[Module, Module]:
    fields = [
        meta("Deal_Name", length=120, display_field=True),
        lookup("Account_Name", "Accounts"),
        money("Amount"),
        meta("What", "multi_module_lookup", 120, "jsonobject"),
        meta("Items", "subform", None, "jsonarray", subform={"module": "Deal_Items"}),
        meta("Partners", "multiselectlookup", None, "jsonarray"),
        *SYSTEM_FIELDS,
    ]
    module = Module("Deals", "Deals", fields)
    inner = [meta("Product", length=100), meta("Quantity", "integer", 9, "integer"), money("Price", 4)]
    items = Module("Deal_Items", "Items", [lookup("Parent_Id", "Deals"), *inner], "subform", "Deals", counted=False)
    for n in range(1, DEALS + 1):
        deal = {
            "id": identity(4, n),
            "Deal_Name": f"Deal {n}",
            "Account_Name": {"id": identity(2, n % ACCOUNTS + 1), "name": account_name(n % ACCOUNTS + 1)},
            "Amount": Decimal("99999999999999.99") if n == 1 else Decimal(n) / 4,
            "What": {"id": identity(1, n), "name": "Lead", "module": {"api_name": "Leads", "id": "1"}},
        }
        module.add({**deal, **system(n)})
        for item in range(n % 4):
            number = n * 10 + item
            row = {"id": identity(5, number), "Parent_Id": {"id": identity(4, n), "name": f"Deal {n}"}}
            items.add({**row, "Product": f"Part {item} ♥", "Quantity": item, "Price": Decimal("0.0125") * number})
    return module, items


def projects() -> Module:
    """More fields than one request may ask for."""
    wide = [meta(f"Field_{i}", length=100) for i in range(WIDE)]
    module = Module("Projects", "Projects", [meta("Name", display_field=True), *wide, *SYSTEM_FIELDS], "custom")
    for n in range(1, PROJECTS + 1):
        values = {f"Field_{i}": f"{n}/{i}" for i in range(WIDE) if (n + i) % 3}
        module.add({"id": identity(6, n), "Name": f"Project {n}", **values, **system(n)})
    return module


def tasks() -> Module:
    """Activities, which belong to a record of any module; that module is told beside the record."""
    module = Module("Tasks", "Tasks", [meta("Subject"), lookup("What_Id", "se_module"), *SYSTEM_FIELDS])
    for n in range(1, TASKS + 1):
        what = {"What_Id": {"id": identity(4, n), "name": f"Deal {n}"}, "$se_module": "Deals"} if n % 2 else {}
        module.add({"id": identity(7, n), "Subject": f"Call {n}", **what, **system(n)})
    return module


def fill(organisation: Organisation) -> Organisation:
    deal, items = deals()
    for module in (leads(), accounts(), contacts(), deal, items, projects(), tasks()):
        organisation.module(module)
    organisation.module(Module("Campaigns", "Campaigns", [meta("Campaign_Name"), *SYSTEM_FIELDS]))
    organisation.module(Module("Attachments", "Attachments", [meta("File_Name")]))
    organisation.module(Module("Feeds", "Feeds", [], "web"))
    organisation.users = [user(0), user(1, "inactive"), user(2, "deleted")]
    return organisation
